"""Commands a second of one consumer process."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from bench.command_load import OURS, CommandLoad
from bench.figures import Reach, Result, Row, per_round
from bench.profile import processor_seconds, top_ten
from bench.scale import Scale
from bench.servers import Servers
from devstack.application import Application

STRIPE_SECONDS, IN_FLIGHT = 0.2, 64

_RATE = f"""
    SELECT (count(*) - 1) / extract(epoch FROM max(completed_at) - min(completed_at)) FROM (
        SELECT completed_at, row_number() OVER (ORDER BY completed_at) AS n, count(*) OVER () AS total
        FROM commands WHERE state = 'done' AND {OURS}) AS ended
    WHERE n BETWEEN total / 10.0 AND total - total / 10.0
"""
_WRONG = "SELECT count(*) FROM payments WHERE order_id BETWEEN %s || '-' AND %s || '.' AND status <> 'AUTHORIZED'"


class _Processor(NamedTuple):
    """Seconds of processor time, or milliseconds a command."""

    consumer: float
    simulator: float
    postgres: float


class _Pace(NamedTuple):
    rate: float
    """Commands a second."""
    processor: _Processor
    """Milliseconds a command."""


class _Running(NamedTuple):
    load: CommandLoad
    pid: int
    simulator: int
    postgres: int

    @property
    def used(self) -> _Processor:
        """The processor time of all processes so far, in seconds."""
        return _Processor(*(processor_seconds(pid) for pid in (self.pid, self.simulator, self.postgres)))


def answering_slowly(servers: Servers, scale: Scale) -> Result:
    """Stripe takes 200 ms. The limit is the rate of 64 callers that only wait."""
    many, single = [], []
    for _ in range(scale.rounds):
        many.append(_pace(servers, scale.commands, STRIPE_SECONDS, IN_FLIGHT))
        single.append(_pace(servers, scale.commands_one_by_one, STRIPE_SECONDS, 1).rate)
    ours = per_round("authorize, 64 in flight", "commands/s", [pace.rate for pace in many])
    limit = per_round("64 / 0.2 s", "commands/s", [IN_FLIGHT / STRIPE_SECONDS] * scale.rounds)
    rows = (
        Row(ours, limit, Reach(0.85)),
        Row(ours, per_round("one at a time", "commands/s", single), Reach(50.0)),
        *_processor(many),
    )
    return Result(rows, (f"{scale.commands:,} commands of as many orders; the rate of the middle eight tenths.",))


def answering_at_once(servers: Servers, scale: Scale) -> Result:
    """Stripe takes no time. The rest is the processor time of the service, the simulator and PostgreSQL."""
    paces = [_pace(servers, scale.commands, 0.0, IN_FLIGHT) for _ in range(scale.rounds)]
    with _consuming(servers, 0.0, IN_FLIGHT) as running:
        running.load.send(scale.commands)
        lines = top_ten(running.pid)
        running.load.wait()
    rate = Row(per_round("authorize, Stripe at once", "commands/s", [pace.rate for pace in paces]))
    return Result(
        (rate, *_processor(paces)), ("Where the consumer's threads are while they hold the interpreter:", *lines)
    )


def _processor(paces: list[_Pace]) -> tuple[Row, ...]:
    """The processor time, shown without a limit, because other processes share the processors with the consumer."""
    names = ("the consumer", "the simulator", "PostgreSQL")
    spent = zip(*(pace.processor for pace in paces), strict=True)
    return tuple(
        Row(per_round(f"processor time of {name}", "ms CPU/command", list(series)))
        for name, series in zip(names, spent, strict=True)
    )


def _pace(servers: Servers, commands: int, stripe_seconds: float, concurrency: int) -> _Pace:
    with _consuming(servers, stripe_seconds, concurrency) as running:
        before = running.used
        running.load.send(commands)
        running.load.wait()
        if running.load.ask(_WRONG):
            raise RuntimeError("not every payment was authorized: this rate counts refusals")
        spent = _Processor(*(1000 * (now - then) / commands for now, then in zip(running.used, before, strict=True)))
        return _Pace(float(running.load.ask(_RATE)), spent)


@contextmanager
def _consuming(servers: Servers, stripe_seconds: float, concurrency: int) -> Iterator[_Running]:
    with servers.database() as url, servers.topic("commands") as topic:
        environment = {
            "PAYMENT_COMMANDS_TOPIC": topic,
            "PAYMENT_EVENTS_TOPIC": f"{topic}.events",
            "CONSUMER_GROUP_ID": f"bench-{secrets.token_hex(4)}",
            "CONSUMER_CONCURRENCY": str(concurrency),
            "LOG_LEVEL": "WARNING",
        }
        application = Application(database_url=url, kafka=servers.kafka, environment=environment)
        try:
            application.start(["consume"])
            stripe = application.simulator
            stripe.control.traffic(latency_before=stripe_seconds)
            # no HTTP face runs here: deliveries that nobody takes would be tried again all through the round
            stripe.control.set_endpoint(application.http_url, "none", events=())
            load = CommandLoad(url, servers.kafka.bootstrap_servers, topic)
            yield _Running(load, application.services["consume"].run.pid, stripe.pid, servers.postgres.pid)
        finally:
            application.close()
