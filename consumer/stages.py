"""The stage of the polling thread, in words, and its age, for /ready, a metric and the log."""

import time
from collections.abc import Callable
from enum import StrEnum

from prometheus_client import Enum

_LONGEST = 15.0


class Stage(StrEnum):
    """The names of the polling thread's waits."""

    STARTING = "starting"
    MAKING_TOPIC = "making sure that the topic exists"
    PLACING = "asking Kafka where to start"
    READING = "reading"
    FULL = "full: waiting for workers"
    HANDING_OVER = "handing partitions over"
    DRAINING = "draining"


_STAGE = Enum("payment_consumer_stage", "What the polling thread does", states=[*Stage])


class Stages:
    """The present stage. Only the polling thread enters one; each entry is a beat, also into the same stage.

    Any thread may ask for age and fault.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._now = Stage.STARTING
        self._waits_for = ""
        self._beat = clock()

    def enter(self, stage: Stage) -> None:
        """Note that the polling thread is alive, and in ``stage``."""
        self._beat = self._clock()
        self._waits_for = ""
        if stage is not self._now:
            self._now = stage
            _STAGE.state(stage)

    def wait_for(self, what: str) -> None:
        """Name what the stage waits for. This is no beat: the age goes on, so a hang is reported in time."""
        self._waits_for = f", waiting for {what}"

    def age(self) -> float:
        """Seconds since the last beat."""
        return self._clock() - self._beat

    def fault(self) -> str | None:
        """The stage in which the polling thread hangs; None while it beats."""
        age = self.age()
        return f"poll loop: {self._now} for {age:.0f} s{self._waits_for}" if age > _LONGEST else None
