"""The whole stack: PostgreSQL and Kafka, started in parallel, and the application on them."""

from collections.abc import Iterable, Mapping
from typing import Self

from devstack.application import Application, StackInfo
from devstack.background import Background
from devstack.java_install import Say
from devstack.kafka import Kafka, start_kafka
from devstack.lifetimes import StartedAtEntry
from devstack.postgres import Postgres, start_postgres
from devstack.service_process import ALL_SERVICES, ServiceName, ServiceProcess, migrate

_DATABASE = "payments"


class Stack(StartedAtEntry):
    """The stack on this machine, while this object is open. Nothing of it outlives this process."""

    def __init__(self, say: Say, environment: Mapping[str, str] | None = None) -> None:
        """`say` gets a line about each start and the choice of Kafka; `environment` goes to the service's processes."""
        self._say = say
        self._environment = environment
        self._postgres: Background[Postgres] = Background(start_postgres)
        self._kafka: Background[Kafka] = Background(lambda: start_kafka(say))
        self._application: Application | None = None

    def start(self, services: Iterable[ServiceName] = ALL_SERVICES) -> Self:
        """Returns when all is ready. Raises PostgresUnavailableError, ProcessFailedError."""
        self._postgres.begin()
        self._kafka.begin()
        postgres = self._postgres.result()
        self._say(f"PostgreSQL: {postgres.kind}")
        database_url = _database(postgres)
        migrate(database_url)
        self._application = Application(
            database_url=database_url, kafka=self._kafka.result(), environment=self._environment
        )
        self._application.start(services)
        return self

    @property
    def application(self) -> Application:
        """The service's processes and the simulator. Raises RuntimeError before they have started."""
        if self._application is None:
            raise RuntimeError("the stack has not started")
        return self._application

    @property
    def info(self) -> StackInfo:
        return self.application.info

    @property
    def services(self) -> dict[ServiceName, ServiceProcess]:
        return self.application.services

    def close(self) -> None:
        """Drains the service, then ends PostgreSQL and Kafka."""
        if self._application is not None:
            self._application.close()
        self._kafka.close()
        self._postgres.close()


def _database(postgres: Postgres) -> str:
    """The given database, or a new one on the embedded server."""
    return postgres.url if postgres.kind == "given" else postgres.databases.create(_DATABASE)
