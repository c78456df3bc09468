"""All that a storm goes over: the service's processes, twice where two may run, on servers that can be killed."""

from types import TracebackType
from typing import Any, Self

from devstack.application import Application
from devstack.kafka_apache import ApacheKafka
from devstack.postgres_embedded import EmbeddedPostgres
from storm.evidence import Scene
from storm.plan import Victim
from storm.victims import Mortal, process, server
from tests.support.topics import Topics

_ENVIRONMENT = {
    "LEASE": "2s",  # what a killed consumer left is taken up soon
    "LOOK_AGAIN": "4s",  # a webhook that was lost is soon made up for
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
    """On a migrated database of the server's, and topics of its own."""

    def __init__(
        self, postgres: EmbeddedPostgres, database_url: str, kafka: ApacheKafka, topics: Topics, seed: int
    ) -> None:
        self._topics = topics
        self._postgres = postgres
        self._kafka = kafka
        self._database_url = database_url
        self._seed = seed
        self.application = Application(
            database_url=database_url,
            kafka=kafka,
            environment={**_ENVIRONMENT, **topics.environment},
            stripe_arguments=("--seed", str(seed)),
        )

    def __enter__(self) -> Self:
        try:
            return self._start()
        except BaseException:
            self.application.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.application.close()

    def _start(self) -> Self:
        self.application.start()
        spares = [self.application.another("consume"), self.application.another("relay")]
        for spare in spares:
            spare.start()
        for spare in spares:
            spare.wait_until_ready()
        services = self.application.services
        self.mortals: dict[Victim, list[Mortal]] = {
            Victim.CONSUMER: [process(services["consume"]), process(spares[0])],
            Victim.RELAY: [process(services["relay"]), process(spares[1])],
            Victim.SERVICE: [process(services["serve"])],
            Victim.POSTGRES: [server(self._postgres)],
            Victim.KAFKA: [server(self._kafka)],
        }
        self.stripe = self.application.simulator.control
        self.scene = Scene(self._database_url, self._kafka.bootstrap_servers, self._topics, self.stripe)
        return self

    def begin_faults(self) -> None:
        """Stripe answers badly now and then, and its webhooks come late, twice, out of order or not at all."""
        for fault in _FAULTS:
            self.stripe.fault(**fault, times=None)
        self.stripe.webhooks(**_WEBHOOKS, seed=self._seed)

    def end_faults(self) -> None:
        """Stripe is well again; what is on its way still comes."""
        self.stripe.clear_faults()
        self.stripe.webhooks(duplicates=0, jitter=0.0, drop_rate=0.0, retry_base=0.3, retry_cap=1.0, max_attempts=100)
