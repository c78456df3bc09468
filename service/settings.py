"""Settings of each process, read from the environment and checked before anything starts.

Every variable may also be given as ``NAME_FILE``, the path of a mounted secret.
"""

import os
from datetime import timedelta
from typing import Any, Literal, Self, TypeVar

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from service.kafka_settings import kafka_overrides
from service.settings_source import EnvironmentSource, SettingError
from service.settings_types import (
    Currency,
    Duration,
    HttpUrl,
    LogLevel,
    Origins,
    PositiveDuration,
    PostgresUrl,
    RelayName,
    TopicName,
    is_loopback,
)


class Base(BaseSettings):
    """What every process shares: the database and the log."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    database_url: PostgresUrl = Field(
        description="PostgreSQL 14 or later: postgresql://user:password@host/db; "
        "of several, host1:5432,host2:5432, the one that takes writes is used"
    )
    database_pool_size: int = Field(
        default=10,
        ge=1,
        le=200,
        description="connections for work, a process; leases and readiness have one each beside",
    )
    log_level: LogLevel = Field(default="INFO", description="log level")
    log_format: Literal["json", "console"] = Field(default="json", description="log lines as JSON or for people")
    payment_commands_topic: TopicName = Field(default="payment_commands", description="commands come from here")
    payment_events_topic: TopicName = Field(default="payment_events", description="outcome events go here")
    shutdown_grace: Duration = Field(default=timedelta(seconds=25), description="longest drain after SIGTERM, e.g. 25s")
    ops_port: int | None = Field(
        default=None, ge=1, le=65535, description="port for /health, /ready, /metrics of relay and consumer"
    )
    ops_host: str = Field(default="127.0.0.1", min_length=1, description="address of OPS_PORT; 0.0.0.0 for other hosts")

    @property
    def dead_letter_topic(self) -> str:
        """Where unreadable commands are told."""
        return f"{self.payment_commands_topic}.dead_letter"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, EnvironmentSource(settings_cls))


class KafkaSettings(Base):
    """A process that speaks to Kafka."""

    kafka_bootstrap_servers: str = Field(min_length=1, description="host:port[,host:port…]")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="security protocol; KAFKA_SASL_* and KAFKA_SSL_* go to librdkafka"
    )
    kafka_config: str | None = Field(
        default=None, description="any librdkafka setting: JSON object, or name=value,name=value"
    )
    kafka_topic_partitions: int = Field(default=6, ge=1, description="partitions of a topic created at start")
    kafka_topic_replication: int | None = Field(
        default=None, ge=1, description="replicas of a topic created at start (default: the broker's)"
    )

    @model_validator(mode="after")
    def _overrides_are_readable(self) -> Self:
        kafka_overrides(self.kafka_config, os.environ)
        return self

    def client_config(self) -> dict[str, Any]:
        """librdkafka configuration shared by every client of this process."""
        return {
            "bootstrap.servers": self.kafka_bootstrap_servers,
            "security.protocol": self.kafka_security_protocol,
            **kafka_overrides(self.kafka_config, os.environ),
        }


class StripeSettings(Base):
    """A process that speaks to Stripe."""

    stripe_secret_key: SecretStr = Field(min_length=1, description="Stripe's secret or restricted API key")
    stripe_api_base: HttpUrl | None = Field(default=None, description="another base URL for Stripe's API")
    stripe_timeout: PositiveDuration = Field(default=timedelta(seconds=20), description="longest wait for one answer")

    @property
    def stripe_live(self) -> bool | None:
        """The mode of the key, which stands in its prefix (Stripe documentation, "API keys"); None for another form."""
        mode = self.stripe_secret_key.get_secret_value().split("_")[1:2]
        return {"live": True, "test": False}.get(mode[0]) if mode else None


class PolicySettings(Base):
    """Business choices shared by those who answer commands."""

    default_currency: Currency = Field(default="sgd", description="currency of a command that names none")
    revert_event_type: Literal["payment.reverted", "payment.failed", "payment.released"] = Field(
        default="payment.reverted", description="what a successful revert is called"
    )
    command_deadline: PositiveDuration = Field(
        default=timedelta(hours=1), description="age after which a command is settled by looking at Stripe"
    )


class GroupSettings(KafkaSettings):
    """What reads commands, and whoever looks after it."""

    look_first: Literal["on", "off"] = Field(
        default="off", description="on after a restore: Stripe is asked for a hold or transfer before it is made"
    )

    consumer_group_id: str = Field(default="payment-service-group", min_length=1, description="consumer group")


class ConsumerSettings(GroupSettings, StripeSettings, PolicySettings):
    """``cli.py consume``."""

    consumer_concurrency: int = Field(default=64, ge=1, le=1000, description="commands in flight at once")
    lease: PositiveDuration = Field(
        default=timedelta(seconds=10), description="renewed while a call is under way; a dead process's is taken over"
    )
    look_again: PositiveDuration = Field(
        default=timedelta(minutes=15),
        description="longest time between two looks at a payment that waits for the customer",
    )
    reconcile_interval: PositiveDuration = Field(
        default=timedelta(hours=6), description="how often a held payment is compared with Stripe"
    )
    action_deadline: PositiveDuration = Field(
        default=timedelta(hours=24), description="age after which a payment the customer never finished is cancelled"
    )


class RelaySettings(KafkaSettings):
    """``cli.py relay``."""

    relay_delivery: Literal["exactly-once", "at-least-once"] = Field(
        default="exactly-once", description="Kafka transactions; or none, for who can't do or read them"
    )
    relay_name: RelayName = Field(
        default="payment-relay", description="names the receipt group and the transactional ids: NAME and NAME/2"
    )
    relay_batch_size: int = Field(default=10_000, ge=1, le=100_000, description="rows of one Kafka transaction")
    relay_poll_interval: PositiveDuration = Field(default=timedelta(seconds=1), description="poll behind LISTEN/NOTIFY")


class ServiceSettings(StripeSettings, PolicySettings):
    """``cli.py serve``."""

    stripe_webhook_secret: SecretStr | None = Field(
        default=None, description="webhook signing secrets, comma-separated (rotation)"
    )
    api_tokens: SecretStr | None = Field(default=None, description="token or name:token, comma-separated")
    api_auth: Literal["on", "off"] = Field(default="on", description="off: no tokens wanted, said on purpose")
    history_unit: Literal["minor", "major"] = Field(
        default="minor", description="unit of a user's totals: major for decimal numbers, 12.30 for 1230 cents"
    )
    cors_origins: Origins | None = Field(
        default=None, description="web pages of these origins may read: https://shop.example, comma-separated"
    )
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8000, ge=0, le=65535, description="port to listen on")
    workers: int = Field(default=2, ge=1, le=64, description="server processes")
    http_head_timeout: PositiveDuration = Field(
        default=timedelta(seconds=10), description="longest time for all of a request's headers"
    )
    http_body_timeout: PositiveDuration = Field(
        default=timedelta(seconds=30), description="longest time for all of a request's body"
    )
    http_connections: int = Field(
        default=1000, ge=10, le=50_000, description="connections of one server process; more, and the slowest go"
    )

    @model_validator(mode="after")
    def _open_only_on_loopback(self) -> Self:
        if self.api_tokens is None and self.api_auth == "on" and not is_loopback(self.host):
            raise ValueError(
                f"API_TOKENS: must be set to listen on {self.host}; set it, listen on 127.0.0.1, or say API_AUTH=off"
            )
        if not all(name and token for name, token in self.tokens()):
            raise ValueError("API_TOKENS: holds an empty entry; write token or name:token, comma-separated")
        return self

    def tokens(self) -> list[tuple[str, str]]:
        """Caller's name and token; unnamed tokens are called token-1, token-2 … A name may have several (rotation)."""
        if self.api_tokens is None or self.api_auth == "off":
            return []
        entries = [entry.strip() for entry in self.api_tokens.get_secret_value().split(",")]
        named = (
            entry.partition(":") if ":" in entry else (f"token-{n}", ":", entry) for n, entry in enumerate(entries, 1)
        )
        return [(name.strip(), token.strip()) for name, _, token in named]

    def webhook_secrets(self) -> list[str]:
        """All secrets a webhook's signature may have been made with."""
        value = self.stripe_webhook_secret.get_secret_value() if self.stripe_webhook_secret else ""
        return [secret.strip() for secret in value.split(",") if secret.strip()]


S = TypeVar("S", bound=Base)


def load(kind: type[S], **given: Any) -> S:
    """Settings of one process; ``given`` (command line options) wins over the environment.

    Raises SettingError with one line per fault, each naming its variable.
    """
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
