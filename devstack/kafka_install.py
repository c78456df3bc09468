"""Apache Kafka's programs, with a storage directory to start from."""

import os
from dataclasses import dataclass
from pathlib import Path

from devstack.java_install import Artefacts, JavaProgram, JavaUnavailableError, Say, cache_directory, find_program
from devstack.processes import Command, ProcessFailedError, run_to_end

DEFAULT_KAFKA_VERSION = "4.2.2"
KAFKA_VERSION = os.environ.get("DEVSTACK_KAFKA") or DEFAULT_KAFKA_VERSION
"""DEVSTACK_KAFKA selects another version."""

_CLUSTER_ID = "Y2FtcHVzLXBheW1lbnRzMQ"


class KafkaUnavailableError(Exception):
    """Apache Kafka cannot run here; the message gives the reason."""


@dataclass(frozen=True)
class KafkaInstall:
    """Kafka's programs, and a formatted storage directory to start from."""

    program: JavaProgram
    storage: Path
    archive: Path
    """The archive of the broker's classes; the program uses it if it exists."""


def find_install(say: Say, patience: float | None = None, version: str = KAFKA_VERSION) -> KafkaInstall:
    """The cached installation, or a new one. Raises KafkaUnavailableError with the reason when neither is possible.

    The error comes within seconds, unless the caller waits longer for the repository's first answer: ``patience``
    seconds.
    """
    artefacts = Artefacts(
        name=f"Apache Kafka {version}",
        home=cache_directory() / f"kafka-{version}",
        pom=Path(__file__).parent / "java" / "pom.xml",
        properties={"kafka.version": version},
        proof="kafka_*.jar",
        megabytes=45,
        patience=patience,
    )
    try:
        program = find_program(artefacts, say, _format_storage)
    except JavaUnavailableError as error:
        raise KafkaUnavailableError(str(error)) from error
    archive = artefacts.home / "classes.jsa"
    if archive.exists():
        # Java ignores an archive that does not fit it.
        program = program.with_options(f"-XX:SharedArchiveFile={archive}")
    return KafkaInstall(program, artefacts.home / "storage", archive)


def _format_storage(program: JavaProgram, building: Path) -> None:
    """Formats the storage directory once, to be copied for each broker. Node id and cluster id are always the same."""
    properties = building / "format.properties"
    properties.write_text(
        "process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=CONTROLLER\n"
        "listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093\n"
        "controller.quorum.voters=1@127.0.0.1:9093\n"
        f"log.dirs={building / 'storage'}\n"
    )
    argv = program.argv("kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(properties))
    try:
        run_to_end(
            Command(name="kafka.tools.StorageTool", argv=argv, log=building / "format.log", scratch=building), 60
        )
    except ProcessFailedError as error:
        raise KafkaUnavailableError(f"its storage could not be formatted: {error}") from error
