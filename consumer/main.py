"""One consumer process: wires its parts, runs until SIGTERM, drains."""

import time
from collections.abc import Callable

from confluent_kafka import Consumer, KafkaException

from consumer import metrics
from consumer.assignment import Assignment
from consumer.client import make_consumer
from consumer.completer import Completer
from consumer.crash_points import CrashPoint as ConsumerPoint
from consumer.giving_up import GivingUp
from consumer.health import KafkaHealth
from consumer.identity import TopicIdentity
from consumer.intake import Intake
from consumer.joining import Joining
from consumer.lag import Lag
from consumer.missing import Missing
from consumer.offsets import OffsetTracker
from consumer.poll_loop import Limits, PollLoop
from consumer.ports import Commands
from consumer.settings import ConsumerSettings
from consumer.stages import Stage, Stages
from consumer.starts import Starts
from consumer.watch import Watch
from consumer.workers import Workers, spawn
from runtime import probes, topic_policies
from runtime.coordination import GROUPS, why_not
from runtime.crash_points import refuse_unknown
from runtime.current import Current
from runtime.kafka_settings import use_credentials
from runtime.logs import get_logger
from runtime.shutdown import Shutdown
from runtime.topics import ensure_topics
from service.crash_points import CrashPoint as ServicePoint

_log = get_logger(__name__)
_HAND_OVER_SECONDS = 5.0
_CLOSING_SECONDS = 2.0
_HELD_PER_WORKER = 4


def run(
    current: Current[ConsumerSettings],
    commands: Commands,
    shutdown: Shutdown,
    database_ready: Callable[[], str | None],
) -> int:
    """Consume until ``shutdown``, then drain within ``SHUTDOWN_GRACE``. Returns the exit code.

    It is 1 after a fatal error of librdkafka. Raises SettingError when a setting can't be used, OSError when the ops
    port is taken.
    """
    refuse_unknown(ConsumerPoint, ServicePoint)
    settings = current()
    tracker, stages, missing = OffsetTracker(), Stages(), Missing()
    workers = Workers(settings.consumer_concurrency)
    identity = TopicIdentity(settings.client_config(), settings.payment_commands_topic)
    starts = Starts(identity, missing)
    assignment = Assignment(tracker, workers, starts, stages, _HAND_OVER_SECONDS)
    joining = Joining(lambda: why_not(current().client_config(), GROUPS))
    health = KafkaHealth(tracker.reach, Lag(tracker.reach, lambda: assignment.paused), joining)
    consumer = make_consumer(
        settings, error_cb=health.on_error, stats_cb=health.on_statistics, on_commit=assignment.on_commit
    )
    current.subscribe(lambda renewed: use_credentials(renewed.client_config(), consumer, identity.client))
    loop = PollLoop(
        consumer=consumer,
        topic=settings.payment_commands_topic,
        intake=Intake(GivingUp(commands), workers, tracker, settings.default_currency),
        assignment=assignment,
        workers=workers,
        health=health,
        stages=stages,
        limits=Limits(_HELD_PER_WORKER * settings.consumer_concurrency),
        ensure_topic=lambda: _ensure_topic(current()),
    )
    completer = Completer(commands, workers, settings.consumer_concurrency)

    def readiness() -> str | None:
        waits = (
            database_ready,
            stages.fault,
            lambda: assignment.waits_for,
            health.fault,
            missing.fault,
            workers.fault,
            completer.fault,
        )
        return "draining" if shutdown.requested else next((fault for wait in waits if (fault := wait())), None)

    _serve_ops(settings, tracker, workers, stages, readiness)
    spawn("watch", lambda: Watch(readiness).run(shutdown))
    spawn("completer", lambda: completer.run(shutdown))
    try:
        loop.run(shutdown)
    except KafkaException as exc:
        _log.critical("kafka: a fatal error ends this consumer", error=exc.args[0].str())
        return 1
    finally:
        shutdown.request()
        stages.enter(Stage.DRAINING)
        _drain(consumer, assignment, workers, settings.shutdown_grace.total_seconds())
    return 0


def _ensure_topic(settings: ConsumerSettings) -> None:
    config, commands = settings.client_config(), settings.payment_commands_topic
    ensure_topics(config, [commands], settings.kafka_topic_partitions, settings.kafka_topic_replication)
    topic_policies.warn(config, [commands], commands, settings.dead_letter_topic)


def _serve_ops(
    settings: ConsumerSettings, tracker: OffsetTracker, workers: Workers, stages: Stages, readiness: probes.Readiness
) -> None:
    metrics.watch(
        in_flight=workers.running,
        held=lambda: workers.held,
        held_bytes=lambda: workers.held_bytes,
        beat_age=stages.age,
        set_aside=workers.set_aside,
        oldest_begun=tracker.oldest_begun,
        waits=workers.waits,
    )
    if settings.ops_port is not None:
        probes.start(settings.ops_port, readiness, settings.ops_host, health_note=settings.health_note)


def _drain(consumer: Consumer, assignment: Assignment, workers: Workers, grace: float) -> None:
    """Let running jobs end, then commit finished offsets. Records of jobs that wait are delivered again."""
    started = time.monotonic()
    left = workers.stop(max(0.0, grace - 2 * _CLOSING_SECONDS))
    if left:
        _log.warning("stopped with commands in flight: their leases expire, then another consumer runs them", left=left)
    assignment.close(consumer, _CLOSING_SECONDS)
    _log.info("drained", seconds=round(time.monotonic() - started, 3))
