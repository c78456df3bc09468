"""The callers' routes: read a payment or a user's totals, and ask for a release or a revert."""

from uuid import UUID

from flask import Blueprint, Response
from structlog.contextvars import bind_contextvars

from service.api.ports import Ports
from service.api.presentation import Unit, history_json, payment_json
from service.api.replies import ApiError, reply
from service.api.requests import command, idempotency_key, json_body, traceparent
from service.domain.command_json import is_storable
from service.domain.commands.command import CommandType
from service.domain.payment import written_payment_id
from service.usecases.queries import PaymentView
from service.usecases.queue_command import KeyReusedError, UnknownPaymentError

_SECRET_INSIDE = {"Cache-Control": "no-store"}
"""Headers for an answer with a next action: a person who has it can finish the payment."""


def blueprint(ports: Ports, history_unit: Unit) -> Blueprint:
    """The callers' routes."""
    routes = Blueprint("payments", __name__)

    # An order id may contain slashes: only the last segment distinguishes these routes.
    @routes.get("/payment/<opaque:order_id>/status")
    def status(order_id: str) -> Response:
        return _shown(ports.queries.latest_of_order(order_id) if is_storable(order_id) else None)

    @routes.get("/payment/<opaque:payment_id>/details")
    def details(payment_id: str) -> Response:
        return _shown(ports.queries.by_id(_known_form(payment_id)))

    @routes.get("/history/<opaque:user_id>")
    def history(user_id: str) -> Response:
        if not is_storable(user_id):
            raise ApiError(400, "INVALID_PAYLOAD", "user_id holds a NUL character; remove it.")
        return reply(history_json(ports.queries.history_of(user_id), history_unit))

    @routes.post("/payment/<opaque:payment_id>/release")
    def release(payment_id: str) -> Response:
        return _queued(ports, CommandType.RELEASE, payment_id)

    @routes.post("/payment/<opaque:payment_id>/revert")
    def revert(payment_id: str) -> Response:
        return _queued(ports, CommandType.REVERT, payment_id)

    return routes


def _unknown() -> ApiError:
    return ApiError(404, "PAYMENT_NOT_FOUND", "There is no such payment; check the id.")


def _known_form(payment_id: str) -> UUID:
    """The payment's id. Raises ApiError (404) for a text that is no UUID, because no payment has such an id."""
    found = written_payment_id(payment_id)
    if found is None:
        raise _unknown()
    return found


def _shown(view: PaymentView | None) -> Response:
    if view is None:
        raise _unknown()
    bind_contextvars(payment_id=str(view.payment.payment_id), order_id=view.payment.order_id)
    return reply(payment_json(view), headers=_SECRET_INSIDE if view.next_action is not None else None)


def _queued(ports: Ports, kind: CommandType, payment_id: str) -> Response:
    known = _known_form(payment_id)
    key = idempotency_key()
    wanted = command(kind, str(known), json_body(may_be_empty=kind is CommandType.REVERT))
    try:
        correlation_id = ports.requests.queue(wanted, key=key, traceparent=traceparent())
    except UnknownPaymentError as error:
        raise _unknown() from error
    except KeyReusedError as error:
        raise ApiError(
            409, "IDEMPOTENCY_KEY_REUSED", "This Idempotency-Key came with another body; use a new key for it."
        ) from error
    message = f"{kind.value} is queued; its outcome comes as an event with this correlation id."
    return reply({"success": True, "message": message, "correlation_id": correlation_id}, 202)
