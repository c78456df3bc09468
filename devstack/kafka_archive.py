"""An archive of the broker's classes: with it a broker is ready in half the time and half the processor time."""

import shutil
from dataclasses import replace
from pathlib import Path

from devstack.java_install import JavaProgram, Say, only_one
from devstack.kafka_apache import ApacheKafka
from devstack.kafka_install import KafkaInstall, find_install
from devstack.processes import Command, ProcessFailedError, run_to_end, scratch_directory


def make_archive(say: Say, patience: float | None = None) -> None:
    """Once a machine, for those who start many brokers: takes a broker's start and end, and 49 MB.

    The archive is of the classes that a broker has loaded when it ends in order (Java documentation, "Dynamic AppCDS
    archive"). Raises KafkaUnavailableError.
    """
    install = find_install(say, patience)
    if install.archive.exists():
        return
    with only_one(install.archive.with_suffix(".lock"), say):
        if not install.archive.exists():
            say("archiving its classes, once")
            _train(install, say)


def _train(install: KafkaInstall, say: Say) -> None:
    unfinished = install.archive.with_suffix(".partial")
    unfinished.unlink(missing_ok=True)
    training = install.program.with_options(f"-XX:ArchiveClassesAtExit={unfinished}")
    broker = ApacheKafka(replace(install, program=training))
    try:
        broker.start().stop()
        check(install.program, unfinished)
    except ProcessFailedError as error:
        say(f"none was made: {error}")
    else:
        unfinished.rename(install.archive)
    finally:
        broker.close()


def check(program: JavaProgram, archive: Path, *, required: bool = True) -> None:
    """Start Java with it. Raises ProcessFailedError where it is ``required`` and Java cannot use it.

    A broker that is slow to end is killed while it writes.
    """
    scratch = scratch_directory("kafka-archive")
    sharing = "-Xshare:on" if required else "-Xshare:auto"
    argv = program.with_options(f"-XX:SharedArchiveFile={archive}", sharing).argv("-version")
    try:
        run_to_end(Command(name=f"java with {archive}", argv=argv, log=scratch / "java.log", scratch=scratch), 60)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
