"""Settings that all processes share. They are read from the environment and checked before anything starts.

Each variable may also be given as ``NAME_FILE``, the path of a mounted secret.
"""

import os
from collections.abc import Collection
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from runtime.database_hosts import without_credentials
from runtime.kafka_settings import kafka_config, single_variables
from runtime.settings_source import EnvironmentSource, SettingError
from runtime.settings_types import Duration, LogLevel, Port, PostgresUrl, TopicName

ON_HUP: dict[str, Any] = {"on_hup": True}
"""Marks a secret that a process reads again at SIGHUP. All other settings need a restart."""


class ProcessSettings(BaseSettings):
    """Settings of every process: database, log, topics and shutdown."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)
    reads: ClassVar[Collection[str] | None] = None
    """The names of the settings that are read; None for all."""

    database_url: PostgresUrl = Field(
        description="PostgreSQL 14 or later: postgresql://user:password@host/db; "
        "of several, host1:5432,host2:5432, the one that takes writes is used",
        json_schema_extra=ON_HUP,
    )
    log_level: LogLevel = Field(default="INFO", description="log level")
    log_format: Literal["json", "console"] = Field(default="json", description="log lines as JSON, or as text")
    payment_commands_topic: TopicName = Field(default="payment_commands", description="topic of commands")
    payment_events_topic: TopicName = Field(default="payment_events", description="topic of events")
    shutdown_grace: Duration = Field(default=timedelta(seconds=25), description="longest drain after SIGTERM, e.g. 25s")
    health_note: str | None = Field(
        default=None,
        min_length=1,
        description="file in which the process notes the address of /health, for the container's health check",
    )

    @property
    def dead_letter_topic(self) -> str:
        """The topic of dead letters."""
        return f"{self.payment_commands_topic}.dead_letter"

    def unfit(self, other: Self) -> dict[str, str]:
        """Why secrets in ``other`` can't replace ours without a restart, by field."""
        ours, theirs = self.database_url.get_secret_value(), other.database_url.get_secret_value()
        same = without_credentials(ours) == without_credentials(theirs)
        return {} if same else {"database_url": "names another database, and only a restart exchanges that"}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, EnvironmentSource(settings_cls, getattr(settings_cls, "reads", None)))


class BrokerSettings(ProcessSettings):
    """How a process connects to Kafka, if it does."""

    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="security protocol; KAFKA_SASL_* and KAFKA_SSL_* go to librdkafka"
    )
    kafka_sasl_username: str | None = Field(default=None, description="SASL user", json_schema_extra=ON_HUP)
    kafka_sasl_password: SecretStr | None = Field(default=None, description="SASL password", json_schema_extra=ON_HUP)
    kafka_config: str | None = Field(
        default=None,
        description="any librdkafka settings: a JSON object, or name=value,name=value; over the single variables",
    )
    _variables: dict[str, str] = PrivateAttr(default_factory=dict)
    _config: dict[str, Any] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _librdkafka_settings_are_readable(self) -> Self:
        # Read once: a file that changes, or goes, must not end a process that runs.
        self._variables, self._config = single_variables(os.environ), kafka_config(self.kafka_config)
        return self

    def config_for(self, servers: str) -> dict[str, Any]:
        """librdkafka's configuration that all clients of this process share."""
        password = self.kafka_sasl_password
        credentials = {
            "sasl.username": self.kafka_sasl_username,
            "sasl.password": None if password is None else password.get_secret_value(),
        }
        return {
            "bootstrap.servers": servers,
            "security.protocol": self.kafka_security_protocol,
            **self._variables,
            **{name: value for name, value in credentials.items() if value is not None},
            **self._config,
        }


class KafkaSettings(BrokerSettings):
    """Settings of a process that uses Kafka and reports its health on its own port."""

    kafka_bootstrap_servers: str = Field(
        min_length=1, description="host:port[,host:port…]; serve needs it only to look records up for its page at /ops"
    )
    ops_port: Annotated[Port, Field(ge=1)] | None = Field(
        default=None, description="port for /health, /ready, /metrics"
    )
    ops_host: str = Field(default="127.0.0.1", min_length=1, description="address of OPS_PORT; 0.0.0.0 for other hosts")
    kafka_topic_partitions: int = Field(
        default=6, ge=1, description="partitions of a topic created at start", json_schema_extra={"unit": "partitions"}
    )
    kafka_topic_replication: int | None = Field(
        default=None,
        ge=1,
        description="replicas of a topic created at start (default: the broker's)",
        json_schema_extra={"unit": "replicas"},
    )

    def client_config(self) -> dict[str, Any]:
        """librdkafka's configuration that all clients of this process share."""
        return self.config_for(self.kafka_bootstrap_servers)


S = TypeVar("S", bound=ProcessSettings)


def load(kind: type[S], *, only: Collection[str] = (), **given: Any) -> S:
    """The settings of one process; ``given`` (command line options) overrides the environment.

    Where ``only`` names any, no other variable is read: the other settings have their defaults.

    Raises SettingError with one line per fault; each names its variable.
    """
    if only:
        kind = type(kind.__name__, (kind,), {"__module__": kind.__module__, "reads": frozenset(only)})
    try:
        return kind(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as exc:
        raise SettingError("\n".join(_line(error) for error in exc.errors(include_input=False))) from exc


def _line(error: Any) -> str:
    message = str(error["msg"]).removeprefix("Value error, ")
    if not error["loc"]:
        return message
    name = str(error["loc"][0]).upper()
    return f"{name}: is not set" if error["type"] == "missing" else f"{name}: {message}"
