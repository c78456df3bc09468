"""A service without database, Stripe or Kafka. Tests set its parts and read its calls."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.test import TestResponse

from runtime.current import Current
from service.api.observability import template
from service.api.ports import Ports
from service.app import create_app
from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.domain.payment import Payment, PaymentStatus
from service.domain.stripe_objects import StripeEvent
from service.gateway.webhooks import BadWebhookError
from service.settings import ServiceSettings
from service.usecases.queries import History, PaymentView
from service.usecases.queue_command import KeyReusedError, UnknownPaymentError
from tests.support import openapi

PAYMENT_ID = UUID("0b8f7c9e-5a54-4c43-9d38-1d2f8a4f0a11")
WEBHOOK_SECRETS = ["whsec_new", "whsec_old"]


class Unreachable(Exception):  # noqa: N818 - takes the place of the database's error
    """The fake database's error when it is unavailable."""


class Fault(NamedTuple):
    part: str
    message: str


def a_payment(**changed: Any) -> Payment:
    """An authorized payment of 21.00 SGD."""
    moment = datetime(2026, 1, 1, 0, 0, 1, 250_900, UTC)
    known: dict[str, Any] = {
        "payment_id": PAYMENT_ID,
        "order_id": "order-1",
        "customer_id": "user-1",
        "amount": 2100,
        "currency": "sgd",
        "status": PaymentStatus.AUTHORIZED,
        "authorize_correlation_id": "c-1",
        "stripe_payment_intent_id": "pi_1",
        "held": 2100,
        "created_at": moment,
        "updated_at": moment,
    }
    return Payment(**{**known, **changed})


@dataclass
class World:
    """All ports in one. Each call that would use the database raises ``error`` if there is one."""

    payment: Payment | None = field(default_factory=a_payment)
    next_action: dict[str, Any] | None = None
    history: History = field(default_factory=lambda: History("u", "sgd", 0, 0, 0, 0, []))
    fault: Fault | None = None
    error: Exception | None = None
    asked: list[Any] = field(default_factory=list)
    queued: list[tuple[Release | Revert, str | None, str | None]] = field(default_factory=list)
    received: list[StripeEvent] = field(default_factory=list)
    keys: dict[str, tuple[Release | Revert, str]] = field(default_factory=dict)

    def _used(self, asked: Any) -> None:
        self.asked.append(asked)
        if self.error is not None:
            raise self.error

    def latest_of_order(self, order_id: str) -> PaymentView | None:
        self._used(order_id)
        return PaymentView(self.payment, self.next_action) if self.payment else None

    def by_id(self, payment_id: UUID) -> PaymentView | None:
        self._used(payment_id)
        return PaymentView(self.payment, self.next_action) if self.payment else None

    def history_of(self, user_id: str) -> History:
        self._used(user_id)
        return self.history

    def queue(self, command: Release | Revert, *, key: str | None, traceparent: str | None) -> str:
        self._used(command)
        if self.payment is None:
            raise UnknownPaymentError
        if key == "reused":
            raise KeyReusedError
        self.queued.append((command, key, traceparent))
        return command.correlation_id

    def receive(self, event: StripeEvent) -> str:
        self._used(event)
        self.received.append(event)
        return "applied"

    def parse_webhook(self, payload: bytes, signature: str | None, secrets: list[str]) -> StripeEvent:
        if signature != "good" or secrets != WEBHOOK_SECRETS:
            raise BadWebhookError("no valid Stripe-Signature")
        return StripeEvent(payload.decode(), "t", None, None, None)

    def unready(self) -> Fault | None:
        self._used("unready")
        return self.fault

    def ports(self) -> Ports:
        return Ports(
            queries=self,
            requests=self,
            webhooks=self,
            parse_webhook=self.parse_webhook,
            unready=self.unready,
            is_unavailable=lambda error: isinstance(error, Unreachable),
        )


class CheckedClient(FlaskClient):
    """Checks every answer against docs/openapi.yaml."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        response = super().open(*args, **kwargs)
        if (
            response.status_code == 204
        ):  # a preflight's, which the description leaves out because only browsers send one
            return response
        request = response.request
        try:
            rule, _ = self.application.url_map.bind_to_environ(request.environ).match(return_rule=True)
        except (NotFound, MethodNotAllowed):
            openapi.validator("/components/schemas/Error").validate(response.json)
            return response
        if request.method != "HEAD":
            path = template(rule.rule).replace("<", "{").replace(">", "}")
            openapi.check(request.method, path, response.status_code, dict(response.headers), response.data)
        return response


def app_of(world: World, **changed: Any) -> Flask:
    """The real HTTP interface around the fakes."""
    known: dict[str, Any] = {
        "database_url": "postgresql://nowhere/none",
        "stripe_secret_key": SecretStr("sk_test_1"),
        "stripe_webhook_secret": SecretStr(",".join(WEBHOOK_SECRETS)),
    }
    app = create_app(Current(ServiceSettings(**{**known, **changed})), world.ports())
    app.test_client_class = CheckedClient
    return app
