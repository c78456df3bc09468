"""The archive of the broker's classes: Java can use the cached one, and ignores one that it cannot use."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from devstack.kafka_archive import check, make_archive
from devstack.kafka_install import KafkaInstall, KafkaUnavailableError, find_install
from devstack.processes import ProcessFailedError
from tests.support.requirements import unavailable

pytestmark = pytest.mark.real_kafka


@pytest.fixture
def install() -> KafkaInstall:
    try:
        make_archive(print)
        return find_install(print)
    except KafkaUnavailableError as error:
        unavailable("Apache Kafka of our own", error)


def test_the_one_that_is_kept_can_be_used(install: KafkaInstall) -> None:
    assert install.program.options[-1] == f"-XX:SharedArchiveFile={install.archive}"
    check(install.program, install.archive)


def test_one_cut_short_is_not_kept(install: KafkaInstall, tmp_path: Path) -> None:
    short = tmp_path / "classes.jsa"
    short.write_bytes(install.archive.read_bytes()[:1_000_000])
    with pytest.raises(ProcessFailedError):
        check(install.program, short)


def test_one_that_no_longer_fits_is_done_without(install: KafkaInstall, tmp_path: Path) -> None:
    """With another Java or other jars the broker's programs still start."""
    libraries = tmp_path / "libs"
    shutil.copytree(install.program.libs, libraries)
    moved = replace(install.program, libs=libraries)
    with pytest.raises(ProcessFailedError):
        check(moved, install.archive)
    check(moved, install.archive, required=False)
