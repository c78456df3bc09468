"""The route of Stripe's webhook: it verifies and reads the event, and passes it to the use case."""

from flask import Blueprint, Response, request
from structlog.contextvars import bind_contextvars

from service.api.ports import Ports
from service.api.replies import ApiError, reply, unavailable
from service.api.requests import raw_body
from service.gateway.webhooks import BadWebhookError


def blueprint(ports: Ports, secrets: list[str]) -> Blueprint:
    """The webhook route. ``secrets``: a signature with any of them is valid."""
    routes = Blueprint("webhooks", __name__)

    @routes.post("/stripe-webhook")
    def stripe_webhook() -> Response:
        if not secrets:
            raise unavailable("WEBHOOKS_NOT_CONFIGURED", "No webhook secret is set; set STRIPE_WEBHOOK_SECRET.")
        payload = raw_body()
        try:
            event = ports.parse_webhook(payload, request.headers.get("Stripe-Signature"), secrets)
        except BadWebhookError as error:
            raise ApiError(400, "INVALID_WEBHOOK", f"{error}.") from error
        bind_contextvars(caller="stripe")
        ports.webhooks.receive(event)
        return reply({"received": True})

    return routes
