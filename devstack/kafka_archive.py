"""An archive of the broker's classes: with it a broker is ready in half the time and half the processor time."""

from dataclasses import replace

from devstack.java_install import Say, only_one
from devstack.kafka_apache import ApacheKafka
from devstack.kafka_install import KafkaInstall, find_install
from devstack.processes import ProcessFailedError


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
    options = (*install.program.options, f"-XX:ArchiveClassesAtExit={unfinished}")
    broker = ApacheKafka(replace(install, program=replace(install.program, options=options)))
    try:
        broker.start().stop()
    except ProcessFailedError as error:
        say(f"none was made: {error}")
    finally:
        broker.close()
    if unfinished.exists():
        unfinished.rename(install.archive)
