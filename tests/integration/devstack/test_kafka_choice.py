"""The choice of Kafka on different machines. Java and Maven are small scripts here; the decisions are real."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from devstack import java_install
from devstack.kafka import start_kafka
from devstack.kafka_apache import answers
from devstack.kafka_install import KAFKA_VERSION, KafkaInstall, KafkaUnavailableError, find_install

_JAVA_17 = """
[ "$1" = -version ] && { echo 'openjdk version "17.0.15" 2025-04-15' >&2; exit 0; }
for word in "$@"; do [ -f "$word" ] && mkdir -p $(sed -n 's/^log.dirs=//p' "$word"); done
"""
_JAVA_11 = "echo 'openjdk version \"11.0.2\" 2019-01-15' >&2"
_MVN_GOOD = """
for word in "$@"; do case $word in -DoutputDirectory=*) out=${word#*=};; esac; done
echo run >> "$(dirname "$0")/mvn.runs"; sleep 0.2
mkdir -p "$out"; touch "$out/kafka_2.13-4.jar"
"""
_MVN_REFUSED = "echo '[INFO] Scanning'; echo '[ERROR] Connect to 127.0.0.1:1 failed: Connection refused'; exit 1"
_MVN_SILENT = 'echo \'[INFO] Downloading from central\'; echo $$ > "$(dirname "$0")/mvn.pid"; sleep 600'

Machine = Callable[..., Path]


def _ignore(_line: str) -> None:
    pass


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Sets up a machine with only these programs and an empty cache; returns its directory of programs."""

    def build(**programs: str) -> Path:
        directory = tmp_path / "bin"
        directory.mkdir()
        for name, script in programs.items():
            (directory / name).write_text(f"#!/bin/sh\nPATH={os.environ['PATH']}\n{script}\n")
            (directory / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(directory))
        return directory

    monkeypatch.setenv("CAMPUS_PAYMENTS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.setattr(java_install, "_FIRST_ANSWER_SECONDS", 0.5)
    return build


@pytest.mark.parametrize(
    ("programs", "reason"),
    [
        ({}, "no java on the PATH"),
        ({"java": _JAVA_11, "mvn": _MVN_GOOD}, r"needs Java 17 or later; .*11\.0\.2"),
        ({"java": _JAVA_17}, "no mvn on the PATH"),
        ({"java": _JAVA_17, "mvn": _MVN_REFUSED}, "Connect to 127.0.0.1:1 failed: Connection refused"),
        ({"java": _JAVA_17, "mvn": _MVN_SILENT}, "sent nothing for"),
        ({"java": _JAVA_17, "mvn": "exit 0"}, "could not fetch"),
    ],
    ids=["nothing", "old java", "no mvn", "refused", "black hole", "mvn does nothing"],
)
def test_message_gives_the_reason(machine: Machine, programs: dict[str, str], reason: str, tmp_path: Path) -> None:
    directory = machine(**programs)
    with pytest.raises(KafkaUnavailableError, match=reason):
        find_install(_ignore)
    assert not list(tmp_path.glob("cache/*.partial"))
    if (directory / "mvn.pid").exists():
        assert not psutil.pid_exists(int((directory / "mvn.pid").read_text()))


def test_download_is_cached(machine: Machine, tmp_path: Path) -> None:
    directory = machine(java=_JAVA_17, mvn=_MVN_GOOD)
    first = find_install(_ignore)
    assert find_install(_ignore) == first
    assert first.program.libs == tmp_path / "cache" / f"kafka-{KAFKA_VERSION}" / "libs"
    assert (directory / "mvn.runs").read_text() == "run\n"


def test_simultaneous_runs_download_once(machine: Machine) -> None:
    directory = machine(java=_JAVA_17, mvn=_MVN_GOOD)
    said: list[str] = []
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: find_install(said.append), range(3)))
    assert found == [found[0]] * 3
    assert isinstance(found[0], KafkaInstall)
    assert (directory / "mvn.runs").read_text() == "run\n"


def test_mock_cluster_replaces_an_unavailable_apache_kafka(machine: Machine) -> None:
    machine()
    said: list[str] = []
    kafka = start_kafka(said.append)
    try:
        assert kafka.kind == "mock"
        address = kafka.bootstrap_servers
        assert answers(address)
        assert "without read_committed, because" in said[-1]
        assert "no java" in said[-1]
    finally:
        kafka.close()
    assert not answers(address)


def test_given_kafka_is_used_unchanged(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine()
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "broker.example:9092")
    kafka = start_kafka(_ignore)
    assert (kafka.kind, kafka.bootstrap_servers) == ("given", "broker.example:9092")
