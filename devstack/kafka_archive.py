"""An archive of the broker's classes, which halves a broker's start in wall time and processor time."""

import shutil
from dataclasses import replace
from pathlib import Path

from devstack.java_install import JavaProgram, Say, only_one
from devstack.kafka_apache import ApacheKafka
from devstack.kafka_install import KafkaInstall, find_install
from devstack.processes import Command, ProcessFailedError, run_to_end, scratch_directory


def make_archive(say: Say, patience: float | None = None) -> None:
    """Makes the archive, once for each machine, for callers that start many brokers.

    This takes one start and end of a broker, and 49 MB. The archive contains the classes that a broker has loaded at
    an orderly end (Java documentation, "Dynamic AppCDS archive"). Raises KafkaUnavailableError.
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
    """Check the archive by starting Java with it. Raises ProcessFailedError if it is ``required`` and Java rejects it.

    The archive can be damaged, because a broker that ends slowly is killed while it writes.
    """
    scratch = scratch_directory("kafka-archive")
    sharing = "-Xshare:on" if required else "-Xshare:auto"
    argv = program.with_options(f"-XX:SharedArchiveFile={archive}", sharing).argv("-version")
    try:
        run_to_end(Command(name=f"java with {archive}", argv=argv, log=scratch / "java.log", scratch=scratch), 60)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
