"""A separate network of each process to PostgreSQL and Kafka, which can lose packets for a while."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from devstack.kafka_apache import ApacheKafka
from devstack.postgres_embedded import EmbeddedPostgres
from devstack.service_process import ServiceProcess
from devstack.tcp_proxy import TcpProxy
from proofs.chaos.faults import Trouble
from proofs.chaos.plan import Attack
from proofs.chaos.readiness import Affected, Outage, Watch, name_of

DOORS = 4
"""Number of doors of the broker: one for each consumer and relay."""

POSTGRES = ("database", "postgres")
KAFKA = ("kafka", "broker")
"""Words with which /ready may name Kafka."""


class Network:
    """One link to PostgreSQL for each process, and one to Kafka for each process that uses Kafka."""

    def __init__(self, postgres: EmbeddedPostgres, kafka: ApacheKafka, database_url: str) -> None:
        self._postgres = postgres
        self._kafka = kafka
        self._database_url = database_url
        self._proxies: list[TcpProxy] = []
        self._doors = iter(kafka.doors)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for proxy in self._proxies:
            proxy.close()

    def link(self, *, to_kafka: bool = True) -> "Link":
        """A link for another process. Raises StopIteration when the broker has no door left."""
        proxy = TcpProxy(self._postgres.port)
        self._proxies.append(proxy)
        return Link(self._database_url, proxy, next(self._doors) if to_kafka else None)


class Link:
    """The connections of one process to its servers."""

    def __init__(self, database_url: str, postgres: TcpProxy, kafka: TcpProxy | None) -> None:
        self.postgres = postgres
        self.kafka = kafka
        self.environment = {"DATABASE_URL": postgres.through(database_url)}
        if kafka is not None:
            self.environment["KAFKA_BOOTSTRAP_SERVERS"] = kafka.address


Linked = tuple[ServiceProcess, Link]


def of_networks(
    consumers: Sequence[Linked], relays: Sequence[Linked], service: Linked, watch: Watch
) -> dict[Attack, list[Trouble]]:
    """Faults of each process's network. Those to Kafka hit both relays, because either of them may be active."""
    doors = {name_of(process): link.kafka for process, link in (*consumers, *relays) if link.kafka is not None}
    groups = [*([process] for process, _ in consumers), [process for process, _ in relays]]
    return {
        Attack.POSTGRES_SILENT: [silent_postgres(one, link, watch) for one, link in (*consumers, *relays, service)],
        Attack.KAFKA_SILENT: [
            silent_kafka([group], [doors[name_of(process)] for process in group], watch) for group in groups
        ],
    }


def silent_postgres(process: ServiceProcess, link: Link, watch: Watch) -> Trouble:
    """This process receives no packet of PostgreSQL, on open or new connections."""
    outage = Outage(f"{name_of(process)} hears nothing of PostgreSQL", POSTGRES, [[process]])
    return _silent(outage, [link.postgres], watch)


def silent_kafka(processes: Affected, doors: list[TcpProxy], watch: Watch) -> Trouble:
    """These processes receive no packet of Kafka."""
    names = " and ".join(name_of(process) for group in processes for process in group)
    return _silent(Outage(f"{names} hear nothing of Kafka", KAFKA, processes), doors, watch)


def _silent(outage: Outage, proxies: list[TcpProxy], watch: Watch) -> Trouble:
    def lose() -> None:
        for proxy in proxies:
            proxy.lose_packets()

    def mend() -> None:
        for proxy in proxies:
            proxy.mend()

    places = frozenset(name_of(process) for process in outage.processes)
    return Trouble(places, lambda: watch.outage(outage, mend), lose)
