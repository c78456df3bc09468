"""Faults of the service's processes and servers: kills, freezes and pauses."""

import signal
import time
from collections.abc import Sequence

from devstack.kafka_apache import ApacheKafka
from devstack.postgres_embedded import EmbeddedPostgres
from devstack.service_process import ServiceProcess
from proofs.chaos.faults import Trouble
from proofs.chaos.network import KAFKA, POSTGRES
from proofs.chaos.plan import Attack
from proofs.chaos.readiness import Affected, Outage, Watch, name_of

_FROZEN_SECONDS = 7.0
"""Longer than a lease, and longer than PostgreSQL and Kafka wait for a silent relay or consumer."""

_PAUSES = (0.2, 1.5, 0.4, 0.8, 2.0, 0.3)
_BETWEEN_PAUSES = 0.3

Server = EmbeddedPostgres | ApacheKafka


def killed(process: ServiceProcess, watch: Watch) -> Trouble:
    """kill -9 and an immediate restart."""

    def kill() -> None:
        watch.see(process)
        process.kill()

    return Trouble(frozenset({name_of(process)}), process.restart, kill)


def frozen(process: ServiceProcess) -> Trouble:
    """SIGSTOP, and SIGCONT long after a takeover by others."""

    def thaw() -> None:
        time.sleep(_FROZEN_SECONDS)
        _send(process, signal.SIGCONT)
        process.wait_until_ready()

    return Trouble(frozenset({name_of(process)}), thaw, lambda: _send(process, signal.SIGSTOP))


def paused(process: ServiceProcess) -> Trouble:
    """An overloaded machine: SIGSTOP and SIGCONT in turn."""

    def stop_and_continue() -> None:
        for seconds in _PAUSES:
            _send(process, signal.SIGSTOP)
            time.sleep(seconds)
            _send(process, signal.SIGCONT)
            time.sleep(_BETWEEN_PAUSES)
        process.wait_until_ready()

    return Trouble(frozenset({name_of(process)}), stop_and_continue)


def server_killed(server: Server) -> Trouble:
    """kill -9 and an immediate restart."""
    return Trouble(frozenset({server.kind}), server.start, server.kill)


def server_away(server: Server, name: str, part: Sequence[str], affected: Affected, watch: Watch) -> Trouble:
    """kill -9 and an outage so long that readiness must report it. No other fault happens meanwhile."""
    outage = Outage(f"{name} is away", part, affected)
    places = {server.kind, *(name_of(process) for process in outage.processes)}
    return Trouble(frozenset(places), lambda: watch.outage(outage, server.start), server.kill)


def of_processes(
    consumers: Sequence[ServiceProcess],
    relays: Sequence[ServiceProcess],
    services: Sequence[ServiceProcess],
    watch: Watch,
) -> dict[Attack, list[Trouble]]:
    """All faults of a process itself."""
    return {
        Attack.CONSUMER_KILLED: [killed(one, watch) for one in consumers],
        Attack.RELAY_KILLED: [killed(one, watch) for one in relays],
        Attack.SERVICE_KILLED: [killed(one, watch) for one in services],
        Attack.CONSUMER_FROZEN: [frozen(one) for one in consumers],
        Attack.RELAY_FROZEN: [frozen(one) for one in relays],
        Attack.CONSUMER_PAUSED: [paused(one) for one in consumers],
    }


def of_servers(
    postgres: EmbeddedPostgres,
    kafka: ApacheKafka,
    consumers: Sequence[ServiceProcess],
    relays: Sequence[ServiceProcess],
    service: ServiceProcess,
    watch: Watch,
) -> dict[Attack, list[Trouble]]:
    """All faults of the servers. Each process needs PostgreSQL; of the relays only the active one needs Kafka."""
    each = [[one] for one in consumers]
    without_postgres = [*each, *([one] for one in relays), [service]]
    return {
        Attack.POSTGRES_KILLED: [server_killed(postgres)],
        Attack.KAFKA_KILLED: [server_killed(kafka)],
        Attack.POSTGRES_AWAY: [server_away(postgres, "PostgreSQL", POSTGRES, without_postgres, watch)],
        Attack.KAFKA_AWAY: [server_away(kafka, "Kafka", KAFKA, [*each, relays], watch)],
    }


def _send(process: ServiceProcess, number: signal.Signals) -> None:
    if process.process is not None:
        process.process.send(number)
