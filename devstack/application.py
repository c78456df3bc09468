"""The service's three processes and the Stripe simulator, on a given database and Kafka."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from devstack.kafka import Kafka
from devstack.lifetimes import StartedAtEntry
from devstack.ports import free_port
from devstack.processes import scratch_directory
from devstack.service_process import ALL_SERVICES, ServiceName, ServiceProcess, overlaid
from devstack.simulator import StripeSimulator


@dataclass(frozen=True)
class StackInfo:
    """The addresses that a client needs."""

    http_url: str
    database_url: str
    kafka_bootstrap_servers: str
    stripe_api_base: str
    stripe_webhook_secret: str
    api_token: str

    def as_json(self) -> dict[str, str]:
        """The content of a state file."""
        return asdict(self)


@dataclass(frozen=True)
class _Secrets:
    stripe_key: str = field(default_factory=lambda: f"sk_test_{secrets.token_hex(16)}")
    webhook: str = field(default_factory=lambda: f"whsec_{secrets.token_hex(16)}")
    api: str = field(default_factory=lambda: secrets.token_urlsafe(24))


class Application(StartedAtEntry):
    """The service and the simulator, on a database that is migrated already.

    `environment` goes to every process, `environment_of` to one; both override the variables that are set here.
    `stripe_arguments` go to the simulator.
    """

    def __init__(
        self,
        *,
        database_url: str,
        kafka: Kafka,
        environment: Mapping[str, str] | None = None,
        environment_of: Mapping[ServiceName, Mapping[str, str]] | None = None,
        stripe_arguments: Iterable[str] = (),
    ) -> None:
        self._database_url = database_url
        self._kafka = kafka
        self._environment = environment or {}
        self._environment_of = environment_of or {}
        self._ports = {name: free_port() for name in ALL_SERVICES}
        self._secrets = _Secrets()
        self._directory = scratch_directory("service")
        self.http_url = f"http://127.0.0.1:{self._ports['serve']}"
        self.simulator = StripeSimulator(
            *("--webhook-url", f"{self.http_url}/stripe-webhook", "--webhook-secret", self._secrets.webhook),
            *stripe_arguments,
        )
        self.services: dict[ServiceName, ServiceProcess] = {}
        self._others: list[ServiceProcess] = []

    @property
    def info(self) -> StackInfo:
        """The addresses for clients, after the start."""
        return StackInfo(
            http_url=self.http_url,
            database_url=self._database_url,
            kafka_bootstrap_servers=self._kafka.bootstrap_servers,
            stripe_api_base=self.simulator.api_base,
            stripe_webhook_secret=self._secrets.webhook,
            api_token=self._secrets.api,
        )

    def start(self, services: Iterable[ServiceName] = ALL_SERVICES) -> Self:
        """Returns when these processes report readiness; the others can be started later.

        Raises ProcessFailedError.
        """
        self.simulator.start()
        for name in ALL_SERVICES:
            self.services[name] = self._process(name, self._ports[name], self._directory)
        wanted = [self.services[name] for name in services]
        for service in wanted:
            service.start()
        for service in wanted:
            service.wait_until_ready()
        return self

    def another(self, name: ServiceName, environment: Mapping[str, str] | None = None) -> ServiceProcess:
        """Another process of this kind, with its own port and log, not yet started; it ends with the others.

        `environment` overrides all other variables.
        """
        process = self._process(name, free_port(), Path(tempfile.mkdtemp(dir=self._directory)), environment)
        self._others.append(process)
        return process

    def stop(self) -> None:
        """Drains the service's processes together."""
        everyone = [*self.services.values(), *self._others]
        for service in everyone:
            service.ask_to_stop()
        for service in everyone:
            service.stop()

    def close(self) -> None:
        """Drains the service's processes, then ends the simulator."""
        self.stop()
        self.simulator.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _process(
        self, name: ServiceName, port: int, directory: Path, environment: Mapping[str, str] | None = None
    ) -> ServiceProcess:
        ours = {**self._process_environment(), **self._environment_of.get(name, {}), **(environment or {})}
        return ServiceProcess(name, overlaid(os.environ, ours), port, directory)

    def _process_environment(self) -> dict[str, str]:
        info = self.info
        stack = {
            "DATABASE_URL": info.database_url,
            "KAFKA_BOOTSTRAP_SERVERS": info.kafka_bootstrap_servers,
            "STRIPE_API_BASE": info.stripe_api_base,
            "STRIPE_SECRET_KEY": self._secrets.stripe_key,
            "STRIPE_WEBHOOK_SECRET": info.stripe_webhook_secret,
            "API_TOKENS": f"operator:{info.api_token}:operate",
            **_delivery(self._kafka),
        }
        return {**stack, **self._environment}


def _delivery(kafka: Kafka) -> dict[str, str]:
    """The delivery for this Kafka. The mock cluster loses offsets sent in a transaction, which carry the receipt."""
    return {"RELAY_DELIVERY": "at-least-once"} if kafka.kind == "mock" else {}
