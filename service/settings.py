"""The settings of the HTTP process, and those that it shares with the consumer."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from runtime.settings import ON_HUP, BrokerSettings, ProcessSettings
from runtime.settings_types import HttpUrl, Origins, Port, PositiveDuration, is_loopback
from service.domain.money import is_currency


def _currency(value: str) -> str:
    if not is_currency(value.lower()):
        raise ValueError("must be an ISO 4217 code that Stripe takes, such as sgd")
    return value.lower()


OPERATE = ":operate"
"""Ends an entry of ``API_TOKENS`` whose token has the scope: its holder may use the operators' page."""

Currency = Annotated[str, AfterValidator(_currency)]


class StripeSettings(ProcessSettings):
    """The settings of a process that calls Stripe."""

    stripe_secret_key: SecretStr = Field(
        min_length=1, description="Stripe's secret or restricted API key", json_schema_extra=ON_HUP
    )
    stripe_api_base: HttpUrl | None = Field(default=None, description="another base URL for Stripe's API")
    stripe_timeout: PositiveDuration = Field(default=timedelta(seconds=20), description="longest wait for one answer")

    @property
    def stripe_live(self) -> bool | None:
        """The mode in the key's prefix (Stripe documentation, "API keys"); None for a key of another form."""
        mode = self.stripe_secret_key.get_secret_value().split("_")[1:2]
        return {"live": True, "test": False}.get(mode[0]) if mode else None

    def unfit(self, other: Self) -> dict[str, str]:
        """Why secrets in ``other`` can't replace ours without a restart, by field."""
        found = super().unfit(other)
        if self.stripe_live == other.stripe_live:
            return found
        return {**found, "stripe_secret_key": "is of another mode (live, test), and only a restart exchanges that"}


class PolicySettings(ProcessSettings):
    """The pool and the business choices that all processes which answer commands share."""

    database_pool_size: int = Field(
        default=10,
        ge=1,
        le=200,
        description="connections for work in one process; leases, readiness and metrics have one more each",
        json_schema_extra={"unit": "connections"},
    )
    default_currency: Currency = Field(
        default="sgd", description="currency of a command that names none, and of the totals of a user who has several"
    )
    revert_event_type: Literal["payment.reverted", "payment.failed", "payment.released"] = Field(
        default="payment.reverted",
        description="type of a successful revert's event; kept with each revert when it is accepted",
    )
    command_deadline: PositiveDuration = Field(
        default=timedelta(hours=1), description="age after which a command is settled by looking at Stripe"
    )


class OperatorSettings(ProcessSettings):
    """The settings of operators' acts, on the command line and on the page."""

    replay_window: PositiveDuration = Field(
        default=timedelta(days=7),
        description="age of an event that is replayed only by --force; readers keep its ce_id for as long",
    )


class CommandSettings(StripeSettings, PolicySettings):
    """The settings of a process that carries out commands."""

    look_first: Literal["on", "off"] = Field(
        default="off", description="on after a restore: Stripe is asked for a hold or transfer before it is made"
    )
    lease: PositiveDuration = Field(
        default=timedelta(seconds=10), description="length of a lease: renewed during calls, taken over when it expires"
    )
    look_again: PositiveDuration = Field(
        default=timedelta(minutes=15),
        description="longest time between two looks at a payment that waits for the customer",
    )
    reconcile_interval: PositiveDuration = Field(
        default=timedelta(hours=6), description="how often a held payment is compared with Stripe"
    )
    action_deadline: PositiveDuration = Field(
        default=timedelta(hours=24), description="age after which a payment the customer never finished is canceled"
    )


class ServiceSettings(StripeSettings, PolicySettings, OperatorSettings, BrokerSettings):
    """The settings of ``cli.py serve``."""

    kafka_bootstrap_servers: str | None = Field(
        default=None, min_length=1, description="host:port[,host:port…]: the page at /ops looks records up there"
    )

    stripe_webhook_secret: SecretStr | None = Field(
        default=None, description="webhook signing secrets, comma-separated (rotation)", json_schema_extra=ON_HUP
    )
    api_tokens: SecretStr | None = Field(
        default=None,
        description="token, name:token or name:token:operate (may use the page at /ops), comma-separated",
        json_schema_extra=ON_HUP,
    )
    api_auth: Literal["on", "off"] = Field(default="on", description="off: requests need no token, by explicit choice")
    ops_page: Literal["on", "off"] = Field(default="on", description="off: there is no page for operators at /ops")
    history_unit: Literal["minor", "major"] = Field(
        default="minor", description="unit of a user's totals: major for decimal numbers, 12.30 for 1230 cents"
    )
    cors_origins: Origins | None = Field(
        default=None,
        description="web pages of these origins may read: https://shop.example,http://localhost:3000; * is refused",
    )
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: Port = Field(default=8000, ge=0, description="port to listen on; 0: a free one")
    workers: int = Field(
        default=2, ge=1, le=64, description="server processes", json_schema_extra={"unit": "processes"}
    )
    http_head_timeout: PositiveDuration = Field(
        default=timedelta(seconds=10), description="longest time for all of a request's headers"
    )
    http_body_timeout: PositiveDuration = Field(
        default=timedelta(seconds=30), description="longest time for all of a request's body"
    )
    http_connections: int = Field(
        default=1000,
        ge=10,
        le=50_000,
        description="most connections of one server process; beyond, the slowest are closed",
        json_schema_extra={"unit": "connections"},
    )

    @model_validator(mode="after")
    def _open_only_on_loopback(self) -> Self:
        if self.api_tokens is None and self.api_auth == "on" and not is_loopback(self.host):
            raise ValueError(
                f"API_TOKENS: must be set to listen on {self.host}; set it, listen on 127.0.0.1, or say API_AUTH=off"
            )
        if any(token == OPERATE.strip(":") for _, token, _ in self._entries()):
            raise ValueError("API_TOKENS: the scope operate needs a name before the token; write name:token:operate")
        if not all(name and token for name, token, _ in self._entries()):
            raise ValueError(
                "API_TOKENS: holds an empty entry; write token, name:token or name:token:operate, comma-separated"
            )
        return self

    def tokens(self) -> list[tuple[str, str]]:
        """Callers' names and tokens. An unnamed token gets its place as a name: token-1, token-2 and so on.

        A name may have several tokens, for rotation. Empty with ``API_AUTH=off``.
        """
        return [] if self.api_auth == "off" else [(name, token) for name, token, _ in self._entries()]

    def operators(self) -> list[tuple[str, str]]:
        """Names and tokens with the scope ``operate``, also with ``API_AUTH=off``: an operator's act needs a name."""
        return [(name, token) for name, token, operates in self._entries() if operates]

    def _entries(self) -> list[tuple[str, str, bool]]:
        """Name, token, and whether it has the scope. A colon within a token remains part of it."""
        if self.api_tokens is None:
            return []
        entries = [entry.strip() for entry in self.api_tokens.get_secret_value().split(",")]
        named = (
            entry.partition(":") if ":" in entry else (f"token-{n}", ":", entry) for n, entry in enumerate(entries, 1)
        )
        return [
            (name.strip(), token.strip().removesuffix(OPERATE).strip(), token.strip().endswith(OPERATE))
            for name, _, token in named
        ]

    def webhook_secrets(self) -> list[str]:
        """The signing secrets of webhooks: a signature with any of them is valid."""
        value = self.stripe_webhook_secret.get_secret_value() if self.stripe_webhook_secret else ""
        return [secret.strip() for secret in value.split(",") if secret.strip()]
