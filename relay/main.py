"""One relay process: stands by, takes its turns, and never gives up until SIGTERM."""

import gc
import random
from contextlib import closing

import psycopg2
from confluent_kafka import KafkaException

from relay import metrics
from relay.health import Health
from relay.kafka_errors import error_of
from relay.leadership import Leadership
from relay.log_reader import DoubtError
from relay.turn import Turn, make_publisher
from relay.vigil import GraceOverError, StoppedError, Vigil
from service import ops
from service.logs import get_logger
from service.settings import RelaySettings
from service.shutdown import Shutdown

_log = get_logger(__name__)

_STANDBY_SECONDS = 1.0
_FIRST_BACKOFF_SECONDS, _LONGEST_BACKOFF_SECONDS = 0.25, 8.0
_GARBAGE_THRESHOLD = 50_000
"""A batch makes tens of thousands of small objects and no cycles: looking for cycles among them is wasted."""


def run(settings: RelaySettings, shutdown: Shutdown) -> int:
    """Publish until ``shutdown``; the process's exit code: 1 when a batch could not be finished in the grace period.

    Raises SettingError when librdkafka refuses the settings, OSError when the ops port is taken.
    """
    health = Health()
    make_publisher(settings, health, lambda: None).close()
    if settings.ops_port is not None:
        ops.start(settings.ops_port, lambda: "draining" if shutdown.requested else health.fault(), settings.ops_host)
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD)
    try:
        _take_turns(settings, shutdown, health)
    except StoppedError:
        _log.info("stopped before there was anything to finish")
    except GraceOverError:
        _log.error("the grace period is over; what was under way is aborted, and published by the next relay")
        return 1
    return 0


def _take_turns(settings: RelaySettings, shutdown: Shutdown, health: Health) -> None:
    backoff = _FIRST_BACKOFF_SECONDS
    while not shutdown.requested:
        try:
            _stand_by_and_work(settings, shutdown, health)
        except (psycopg2.Error, KafkaException, DoubtError) as exc:
            backoff = _FIRST_BACKOFF_SECONDS if health.fault() is None else backoff
            _tell(exc, health)
            shutdown.wait(backoff * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            backoff = min(2 * backoff, _LONGEST_BACKOFF_SECONDS)
        finally:
            metrics.ACTIVE.set(0)
            health.without_kafka()


def _stand_by_and_work(settings: RelaySettings, shutdown: Shutdown, health: Health) -> None:
    with closing(Leadership(settings.database_url.get_secret_value(), settings.relay_name)) as leadership:
        while not leadership.acquire():
            health.working()
            if shutdown.wait(_STANDBY_SECONDS * random.uniform(0.5, 1.0)):  # noqa: S311 - jitter
                return
        vigil = Vigil(leadership, shutdown, settings.shutdown_grace.total_seconds())
        Turn(settings, leadership, vigil, health).run()


def _tell(exc: Exception, health: Health) -> None:
    if isinstance(exc, KafkaException):
        error = error_of(exc)
        kind, why = ("fenced" if error.name() == "_FENCED" else "kafka"), error.str()
    elif isinstance(exc, DoubtError):
        kind, why = "doubt", str(exc)
    else:
        kind, why = "database", str(exc).strip().partition("\n")[0] or type(exc).__name__
    metrics.ERRORS.labels(kind).inc()
    part = "database" if kind in {"database", "doubt"} else "kafka"
    health.failed(f"{part}: {why}")
    _log.warning("this turn is over", part=part, why=why)
