"""The relay's answer to /ready. A standby is ready. A relay that can't work is not ready, and names its fault."""

import json
import time
from collections.abc import Callable, Mapping
from functools import partial

from confluent_kafka import KafkaError

from relay import metrics
from relay.stages import Stage
from runtime.broker_connection import BrokerConnection, Throttle
from runtime.logs import get_logger
from runtime.plurals import number_of

_log = get_logger(__name__)
_PATIENCE_SECONDS = 5.0
"""A call that is repeated for longer than this counts as a fault."""

SILENT_SECONDS = 15.0
"""Without a beat for this long the work counts as stuck. Each of its waits is shorter, or beats."""

_LOCK_SECONDS = 5.0
_WITHOUT_CLIENTS = frozenset({Stage.CONNECTING, Stage.STANDING_BY, Stage.RETRYING})
"""Stages in which only a client that is being closed may still report: nothing would correct its last report."""


class Health:
    """The state of the work, reported by active terms and by librdkafka's callbacks (librdkafka manual, STATISTICS.md).

    Any thread may call its methods.
    """

    def __init__(self) -> None:
        self._failed: str | None = None
        self._kafka: str | None = None
        self._connection = BrokerConnection()
        self._stage = Stage.CONNECTING
        self._beat_at = time.monotonic()
        self._waiting: tuple[float, str, str] | None = None
        self._cause: str | None = None
        self._throttle = Throttle()
        self._held_back: Mapping[str, str] = {}
        self.publishing = False
        """Whether draining may have to finish a batch."""

        self.gap_holder: str | None = None
        """The transaction that holds a gap, in words. Other rows are published meanwhile, so this is no fault."""

        self.lock_silence: Callable[[], float] = lambda: 0.0
        """Seconds since the session of the lock answered."""

        metrics.BEAT_AGE.set_function(self.silence)
        for part in sorted({stage.part for stage in Stage}):
            metrics.NOT_READY.labels(part).set_function(partial(self._names, part))
        metrics.STAGE.state(self._stage.name.lower())

    @property
    def stage(self) -> str:
        """The stage of the work, in words."""
        return self._stage.words

    @property
    def progress(self) -> str:
        """The stage, and the transaction that holds a gap."""
        return self.stage if self.gap_holder is None else f"{self.stage}; {self.gap_holder}"

    def fault(self) -> str | None:
        """The failing part and the reason; None when ready."""
        return self._failed or self._fault_of_wait() or self._kafka or self._fault_of_stage() or self._fault_of_topics()

    def _names(self, part: str) -> float:
        fault = self.fault()
        return float(fault is not None and fault.startswith(f"{part}: "))

    def _fault_of_wait(self) -> str | None:
        if self._waiting is None or time.monotonic() - self._waiting[0] < _PATIENCE_SECONDS:
            return None
        _, part, why = self._waiting
        return f"{part}: {self._cause or why} ({self._stage.words})"

    def _fault_of_stage(self) -> str | None:
        if self.lock_silence() > _LOCK_SECONDS:
            return f"database: the session of the lock does not answer ({self._stage.words})"
        if self.silence() > SILENT_SECONDS:
            return f"{self._stage.part}: no answer for {self.silence():.0f} s ({self._stage.words})"
        return None if self._stage.ready else f"{self._stage.part}: {self._stage.words}"

    def _fault_of_topics(self) -> str | None:
        for topic, why in self._held_back.items():
            others = len(self._held_back) - 1
            return f"kafka: {topic}: {why}" + (f", and {number_of(others, 'more topic')}" if others else "")
        return None

    def silence(self) -> float:
        """Seconds since the last beat of the work."""
        return time.monotonic() - self._beat_at

    def enter(self, stage: Stage) -> None:
        """Note that the work begins a stage, which is also a beat."""
        self._beat_at = time.monotonic()
        if stage is not self._stage:
            self._stage = stage
            self.call_succeeded()
            metrics.STAGE.state(stage.name.lower())

    def beat(self) -> None:
        """Note that the work is alive, also while it waits."""
        self._beat_at = time.monotonic()

    def waiting(self, why: str, part: str = "kafka") -> None:
        """Note that a call to this part failed and is made again. /ready and the log say so when this goes on.

        The stage does not tell the part: while the outbox is read, a row's topic may be looked for.
        """
        now = time.monotonic()
        self._waiting = (self._waiting[0] if self._waiting else now, part, why)
        if now - self._waiting[0] >= _PATIENCE_SECONDS and self._throttle.lets_through(self._stage.words):
            why = self._cause or why
            _log.warning("still waiting", part=part, stage=self._stage.words, why=why)

    def put_off(self, why: str) -> None:
        """Note that a task was postponed. The log says so at most every 30 s."""
        if self._throttle.lets_through(self._stage.words):
            _log.warning("put off", part=self._stage.part, stage=self._stage.words, why=why)

    def explain(self, cause: str) -> None:
        """Note the cause of this stage's wait, found by a diagnosis."""
        self._cause = cause

    def call_succeeded(self) -> None:
        """Note that the call that was repeated has succeeded."""
        self._waiting = self._cause = None

    def failed(self, why: str) -> None:
        """Note that a term ended early; ``why`` starts with the failing part."""
        self._failed = f"{why} ({self._stage.words})" if self._stage is not Stage.RETRYING else why
        self.enter(Stage.RETRYING)

    def working(self) -> None:
        """Note that the relay does its work: it stands by, or publishes."""
        self._failed = None
        self.beat()

    def held_back(self, topics: Mapping[str, str]) -> None:
        """Note the topics whose rows are held back, each with the reason."""
        self._held_back = topics

    def on_error(self, error: KafkaError) -> None:
        """Take an error of any Kafka client of the relay."""
        self._connection.on_error(error)

    def on_statistics(self, text: str) -> None:
        """Take librdkafka's statistics: whether any broker is connected."""
        if self._stage in _WITHOUT_CLIENTS:
            return
        self._connection.on_statistics(json.loads(text))
        connection = self._connection
        self._kafka = None if connection.connected else f"kafka: {connection.last_error} ({self._stage.words})"

    def without_term(self) -> None:
        """Forget the reports of a term that ended: no client of Kafka runs now, and no lock is held."""
        self._kafka = None
        self.call_succeeded()
        self._held_back = {}
        self.gap_holder = None
        self.publishing = False
        self.lock_silence = lambda: 0.0
