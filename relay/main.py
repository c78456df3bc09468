"""One relay process: it stands by, serves active terms, and never gives up until SIGTERM.

The main thread does nothing that can block. It watches the worker's thread: it cuts connections that do not answer, and
ends the process within the grace period, whatever hangs.
"""

import gc
import random
import time
from concurrent.futures import Future, wait
from contextlib import closing

import psycopg2
from confluent_kafka import KafkaException

from relay import metrics
from relay.active_term import ActiveTerm, make_publisher
from relay.crash_points import CrashPoint
from relay.health import Health
from relay.heartbeat import GraceOverError, Heartbeat, StoppedError
from relay.kafka_errors import error_of
from relay.leadership import LOCK_TIMEOUT_SECONDS, Leadership
from relay.log_reader import DoubtError
from relay.postgres import error_line
from relay.settings import RelaySettings
from relay.stages import Stage
from runtime import probes
from runtime.background import in_thread
from runtime.backoff import backoff
from runtime.crash_points import refuse_unknown
from runtime.current import Current
from runtime.logs import get_logger
from runtime.shutdown import Shutdown

_log = get_logger(__name__)

_STANDBY_SECONDS = 1.0
_FIRST_BACKOFF_SECONDS, _LONGEST_BACKOFF_SECONDS = 0.25, 8.0
_WATCH_SECONDS = 0.25
_STUCK_SECONDS = 60.0
"""A worker that does not beat for this long gives its lock to another relay. Each of its waits is far shorter."""

_NOTHING_TO_FINISH_SECONDS = 2.0
_EXIT_SECONDS = 1.0
_GARBAGE_THRESHOLD = 50_000
"""A batch makes tens of thousands of small objects and no reference cycles: frequent searches for cycles are waste."""


def run(current: Current[RelaySettings], shutdown: Shutdown) -> int:
    """Publish until ``shutdown``. Returns the exit code: 1 when a batch could not be finished in the grace period.

    Raises SettingError when a setting can't be used, OSError when the ops port is taken.
    """
    refuse_unknown(CrashPoint)
    settings, health = current(), Health()
    make_publisher(settings, health, lambda: None).close()
    if settings.ops_port is not None:
        probes.start(
            settings.ops_port,
            lambda: "draining" if shutdown.requested else health.fault(),
            settings.ops_host,
            lambda: health.progress,
            health_note=settings.health_note,
        )
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD)
    relay = _Relay(current, shutdown, health)
    return relay.watch(in_thread("relay", relay.work))


class _Relay:
    """The worker's thread, and the references by which the main thread watches it."""

    def __init__(self, current: Current[RelaySettings], shutdown: Shutdown, health: Health) -> None:
        self._current = current
        self._shutdown = shutdown
        self._health = health
        self._grace = current().shutdown_grace.total_seconds()
        self._leadership: Leadership | None = None
        self._term: ActiveTerm | None = None

    def watch(self, work: "Future[int]") -> int:
        """Watch until ``work`` is done, or the grace period is over; the exit code."""
        began: float | None = None
        while not wait([work], _WATCH_SECONDS).done:
            self._end_hung_sessions()
            if not self._shutdown.requested:
                continue
            began = began or time.monotonic()
            if time.monotonic() - began > self._patience():
                _log.error("the work does not end, and is abandoned", stage=self._health.stage)
                return int(self._health.publishing)
        return work.result()

    def _patience(self) -> float:
        whole = self._grace - min(_EXIT_SECONDS, self._grace / 4)
        return whole if self._health.publishing else min(_NOTHING_TO_FINISH_SECONDS, whole)

    def _end_hung_sessions(self) -> None:
        leadership, term = self._leadership, self._term
        stuck = self._health.silence() > _STUCK_SECONDS
        if leadership is not None and (stuck or leadership.silence() > LOCK_TIMEOUT_SECONDS):
            leadership.sever()
            if term is not None:
                term.sever()

    def work(self) -> int:
        """Stand by and serve terms until draining begins; the exit code."""
        try:
            self._serve_terms()
        except StoppedError:
            _log.info("stopped before there was anything to finish")
        except GraceOverError:
            _log.error("the grace period is over; the batch under way is aborted, and the next relay publishes it")
            return 1
        return 0

    def _serve_terms(self) -> None:
        failures, health = 0, self._health
        while not self._shutdown.requested:
            try:
                self._stand_by_and_work()
            except (psycopg2.Error, KafkaException, DoubtError) as exc:
                failures = 1 if health.fault() is None else failures + 1
                _report(exc, health)
                spread = random.random()  # noqa: S311 - jitter
                pause = backoff(failures, first=_FIRST_BACKOFF_SECONDS, longest=_LONGEST_BACKOFF_SECONDS, spread=spread)
                self._shutdown.wait(pause)
            finally:
                self._leadership = self._term = None
                metrics.ACTIVE.set(0)
                health.without_term()
                # The exception that ended the term keeps Kafka clients alive in reference cycles, and a client has
                # threads and connections.
                in_thread("relay-tidy", gc.collect)

    def _stand_by_and_work(self) -> None:
        settings, health, shutdown = self._current(), self._health, self._shutdown
        url = settings.database_url.get_secret_value()

        def is_old() -> bool:
            return self._current.database_url() != url

        health.enter(Stage.CONNECTING)
        with closing(Leadership(url, settings.relay_name)) as leadership:
            self._leadership = leadership
            while not leadership.acquire():
                health.enter(Stage.STANDING_BY)
                health.working()
                if shutdown.wait(_STANDBY_SECONDS * random.uniform(0.5, 1.0)) or is_old():  # noqa: S311 - jitter
                    return
            health.lock_silence = leadership.silence
            heartbeat = Heartbeat(leadership, shutdown, self._grace, health, is_old)
            self._term = ActiveTerm(settings, leadership, heartbeat, health)
            self._term.run()


def _report(exc: Exception, health: Health) -> None:
    if isinstance(exc, KafkaException):
        error = error_of(exc)
        kind, why = ("fenced" if error.name() == "_FENCED" else "kafka"), error.str()
    elif isinstance(exc, DoubtError):
        kind, why = "doubt", str(exc)
    else:
        kind, why = "database", error_line(exc)
    metrics.ERRORS.labels(kind).inc()
    part = "database" if kind in {"database", "doubt"} else "kafka"
    stage = health.stage
    health.failed(f"{part}: {why}")
    _log.warning("the active term ended", part=part, stage=stage, why=why)
