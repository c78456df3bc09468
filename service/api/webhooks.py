"""The route of Stripe's webhook: it verifies and reads the event, and passes it to the use case."""

from collections.abc import Callable

from flask import Blueprint, Response, request
from prometheus_client import Counter
from structlog.contextvars import bind_contextvars

from service.api.ports import Ports
from service.api.replies import ApiError, reply, unavailable
from service.api.requests import raw_body
from service.domain.event_types import SUBSCRIBED
from service.gateway.webhooks import BadWebhookError

WEBHOOKS = Counter(
    "payment_webhooks", "Webhook deliveries, by the event's type and what became of it", ["type", "result"]
)
OTHER = "other"
"""The type of a delivery that no one subscribed to, or whose signature is not valid: anybody may name any type."""


def blueprint(ports: Ports, current_secrets: Callable[[], list[str]]) -> Blueprint:
    """The webhook route. ``current_secrets``: a signature with any of them is valid."""
    routes = Blueprint("webhooks", __name__)

    @routes.post("/stripe-webhook")
    def stripe_webhook() -> Response:
        secrets = current_secrets()
        if not secrets:
            raise unavailable("WEBHOOKS_NOT_CONFIGURED", "No webhook secret is set; set STRIPE_WEBHOOK_SECRET.")
        payload = raw_body()
        try:
            event = ports.parse_webhook(payload, request.headers.get("Stripe-Signature"), secrets)
        except BadWebhookError as error:
            WEBHOOKS.labels(OTHER, "invalid").inc()
            raise ApiError(400, "INVALID_WEBHOOK", f"{error}.") from error
        bind_contextvars(caller="stripe")
        kind, result = event.type if event.type in SUBSCRIBED else OTHER, "failed"
        try:
            result = ports.webhooks.receive(event)
        finally:
            WEBHOOKS.labels(kind, result).inc()
            # For the request's line. A line of its own would cost as much as reading and verifying the event.
            bind_contextvars(webhook=event.type, result=result)
        return reply({"received": True})

    return routes
