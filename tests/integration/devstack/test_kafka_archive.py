"""Java uses the cached archive of the broker's classes, and ignores an unusable one."""

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


def test_cached_archive_is_usable(install: KafkaInstall) -> None:
    assert install.program.options[-1] == f"-XX:SharedArchiveFile={install.archive}"
    check(install.program, install.archive)


def test_truncated_archive_is_not_cached(install: KafkaInstall, tmp_path: Path) -> None:
    short = tmp_path / "classes.jsa"
    short.write_bytes(install.archive.read_bytes()[:1_000_000])
    with pytest.raises(ProcessFailedError):
        check(install.program, short)


def test_unusable_archive_is_ignored(install: KafkaInstall, tmp_path: Path) -> None:
    """The broker's programs also start with another Java or other jars."""
    libraries = tmp_path / "libs"
    shutil.copytree(install.program.libs, libraries)
    moved = replace(install.program, libs=libraries)
    with pytest.raises(ProcessFailedError):
        check(moved, install.archive)
    check(moved, install.archive, required=False)
