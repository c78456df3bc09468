"""All targets of a chaos run: the processes, two of each kind where possible, on servers and networks that fail."""

import shutil
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from devstack.application import Application
from devstack.kafka_apache import ApacheKafka
from devstack.postgres_embedded import EmbeddedPostgres
from devstack.service_process import ALL_SERVICES
from devstack.topics import Topics
from proofs.chaos.database import of_database
from proofs.chaos.evidence import Scene
from proofs.chaos.faults import Trouble
from proofs.chaos.network import Network, of_networks
from proofs.chaos.plan import Attack
from proofs.chaos.proof import faults_by_audit, faults_of_money, operator
from proofs.chaos.published import PublishedReader
from proofs.chaos.readiness import Watch, name_of
from proofs.chaos.strange_commands import StrangeCommands
from proofs.chaos.strange_rows import StrangeRows
from proofs.chaos.victims import of_processes, of_servers

Delivery = Literal["exactly-once", "at-least-once"]

_ENVIRONMENT = {
    "LEASE": "2s",  # takes up the work of a killed consumer soon
    "LOOK_AGAIN": "4s",  # replaces a lost webhook soon
    "WORKERS": "1",
    "LOG_LEVEL": "WARNING",
}
_FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "drop_before", "probability": 0.02},
    {"kind": "drop_after", "probability": 0.02},
    {"kind": "error_before", "probability": 0.01},
    {"kind": "error_after", "probability": 0.01},
    {"kind": "rate_limit", "probability": 0.01},
    {"kind": "lock_timeout", "probability": 0.01},
    {"kind": "conflict", "probability": 0.01},
    {"kind": "latency_before", "probability": 0.1, "seconds": 0.2},
    {"kind": "latency_after", "probability": 0.1, "seconds": 0.2},
)
_WEBHOOKS = {
    "duplicates": 1,
    "jitter": 1.0,
    "drop_rate": 0.05,
    "retry_base": 0.3,
    "retry_cap": 3.0,
    "max_attempts": 100,
}


class World:
    """The processes on a migrated database of this server and on their own topics."""

    def __init__(
        self,
        postgres: EmbeddedPostgres,
        database_url: str,
        kafka: ApacheKafka,
        topics: Topics,
        seed: int,
        delivery: Delivery = "exactly-once",
    ) -> None:
        """``kafka`` has a door for each consumer and relay. The sagas' library reads at-least-once delivery, too."""
        self.delivery = delivery
        self.published: PublishedReader | None = None
        self._topics = topics
        self._postgres = postgres
        self._kafka = kafka
        self._database_url = database_url
        self._seed = seed
        self._open = ExitStack()
        self.watch = Watch()

    def __enter__(self) -> Self:
        with self._open:
            self._start()
            self._open = self._open.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def _start(self) -> None:
        network = self._open.enter_context(Network(self._postgres, self._kafka, self._database_url))
        links = {name: network.link(to_kafka=name != "serve") for name in ALL_SERVICES}
        self.application = Application(
            database_url=self._database_url,
            kafka=self._kafka,
            environment={**_ENVIRONMENT, "RELAY_DELIVERY": self.delivery, **self._topics.environment},
            environment_of={name: link.environment for name, link in links.items()},
            stripe_arguments=("--seed", str(self._seed)),
        )
        self._open.callback(self.application.close)
        self.application.start()
        if self.delivery == "at-least-once":
            self.published = PublishedReader(self._kafka.bootstrap_servers, self._topics.events)
            self._open.callback(self.published.close)
        consumer_link, relay_link = network.link(), network.link()
        consumer = self.application.another("consume", consumer_link.environment)
        relay = self.application.another("relay", relay_link.environment)
        for spare in (consumer, relay):
            spare.start()
        for spare in (consumer, relay):
            spare.wait_until_ready()
        self.stripe = self.application.simulator.control
        self.scene = Scene(self._database_url, self._kafka.bootstrap_servers, self._topics, self.stripe)
        self.strange_rows = StrangeRows(self.scene)
        self._strange_commands = StrangeCommands(self.scene)
        self._open.callback(self._strange_commands.close)
        services = self.application.services
        self._consumers = [(services["consume"], links["consume"]), (consumer, consumer_link)]
        self._relays = [(services["relay"], links["relay"]), (relay, relay_link)]
        self._service = (services["serve"], links["serve"])

    @cached_property
    def troubles(self) -> dict[Attack, list[Trouble]]:
        """All faults that are possible here."""
        consumers, relays = [one for one, _ in self._consumers], [one for one, _ in self._relays]
        service = self._service[0]
        plain = {"DATABASE_URL": self._database_url, "KAFKA_BOOTSTRAP_SERVERS": self._kafka.bootstrap_servers}
        extra = self.application.another("consume", plain)
        return {
            **of_processes(consumers, relays, [service], self.watch),
            **of_servers(self._postgres, self._kafka, consumers, relays, service, self.watch),
            **of_database(self._postgres, self._database_url, relays, self.watch),
            **of_networks(self._consumers, self._relays, self._service, self.watch),
            **self.strange_rows.troubles(relays, self.watch),
            **self._strange_commands.troubles(extra),
        }

    def see_everyone(self) -> None:
        """Check all processes at the end, without faults."""
        for process, _ in (*self._consumers, *self._relays, self._service):
            self.watch.see(process)

    def keep_logs(self, directory: Path) -> None:
        """Copy each process's log, named as in the findings."""
        directory.mkdir(parents=True, exist_ok=True)
        for process, _ in (*self._consumers, *self._relays, self._service):
            shutil.copy(process.log, directory / f"{name_of(process)}.log")

    def reconcile(self, payment_id: str) -> None:
        """Reconcile one payment as an operator does; a command in progress on it makes him repeat this."""
        operator(self._operators, "payment", "reconcile", "--payment", payment_id)

    @property
    def _operators(self) -> dict[str, str]:
        """The environment of an operator's shell."""
        info = self.application.info
        return {
            "DATABASE_URL": self._database_url,
            "KAFKA_BOOTSTRAP_SERVERS": self._kafka.bootstrap_servers,
            "STRIPE_SECRET_KEY": "sk_test_operator",
            "STRIPE_API_BASE": info.stripe_api_base,
            **self._topics.environment,
        }

    def prove(self, may_repeat: set[str]) -> list[str]:
        """The findings of ``outbox audit`` and ``payment audit``. ``may_repeat``: ids of events."""
        return [*faults_by_audit(self._operators, self.scene, may_repeat), *faults_of_money(self._operators)]

    def begin_faults(self) -> None:
        """Make Stripe fail sometimes, and make its webhooks late, doubled, unordered or lost."""
        for fault in _FAULTS:
            self.stripe.fault(**fault, times=None)
        self.stripe.webhooks(**_WEBHOOKS, seed=self._seed)

    def end_faults(self) -> None:
        """End Stripe's faults; deliveries in flight still arrive."""
        self.stripe.clear_faults()
        self.stripe.webhooks(duplicates=0, jitter=0.0, drop_rate=0.0, retry_base=0.3, retry_cap=1.0, max_attempts=100)
