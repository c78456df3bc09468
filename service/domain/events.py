"""The events of the contract: outcome events and news events."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from service.domain.commands.command import CommandKey, CommandType
from service.domain.errors import ErrorCode
from service.domain.ledger import Movement
from service.domain.payment import Failure, Payment, PaymentStatus

CANCELED = Failure(
    ErrorCode.STRIPE_PAYMENT_CANCELED,
    "The payment was canceled before it was captured; authorize again to try once more.",
)


REFUNDED = Failure(
    ErrorCode.PAYMENT_REFUNDED,
    "The charge was refunded outside this service: the customer has the money. Authorize the order anew to take it.",
)

DISPUTED = Failure(
    ErrorCode.PAYMENT_DISPUTED,
    "The customer's bank disputes the charge; answer the dispute in Stripe's Dashboard, ask again once it is closed.",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An outcome event or a news event, without its id and sequence.

    ``news``: for a news event, the key of the news, of which there is only this one event.
    """

    type: str
    correlation_id: str
    payload: dict[str, Any]
    command_type: str | None = None
    news: str | None = None

    @property
    def key(self) -> CommandKey | None:
        """The key of the command that the event answers; None for a news event."""
        return None if self.command_type is None else CommandKey(self.command_type, self.correlation_id)


def authorize_of(payment: Payment) -> CommandKey:
    """The key of the authorize that made this payment."""
    return CommandKey(CommandType.AUTHORIZE, payment.authorize_correlation_id)


def authorized(payment: Payment) -> Answer:
    """The outcome of an authorize that succeeded. The status says whether the money is held or captured already."""
    subject = authorize_of(payment)
    payload = _of(payment) | {
        "payment_intent_id": payment.stripe_payment_intent_id,
        "status": payment.status.value,
    }
    return Answer("payment.authorized", subject.correlation_id, payload, subject.command_type)


def released(payment: Payment, subject: CommandKey) -> Answer:
    """The outcome of a release that succeeded: captured and transferred."""
    payload = _of(payment) | {
        "transfer_id": payment.stripe_transfer_id,
        "status": PaymentStatus.SUCCEEDED.value,
        "runner_id": payment.runner_id,
        "amount": payment.amount,
        "transfer_amount": payment.transfer_amount or payment.amount,
        "transfer_currency": payment.transfer_currency or payment.currency,
    }
    return Answer("payment.released", subject.correlation_id, payload, subject.command_type)


def reverted(payment: Payment, subject: CommandKey, event_type: str) -> Answer:
    """The outcome of a revert that succeeded: canceled or refunded. ``REVERT_EVENT_TYPE`` sets its type."""
    payload = _of(payment) | {"status": PaymentStatus.REVERTED.value}
    if payment.stripe_refund_id is not None:
        payload["refund_id"] = payment.stripe_refund_id
        if payment.refund_status is not None:
            payload["refund_status"] = payment.refund_status
    if event_type == "payment.failed":
        payload |= {"error": CANCELED.error.value, "message": "The payment was reverted as asked."}
    return Answer(event_type, subject.correlation_id, payload, subject.command_type)


def failed(payment: Payment, subject: CommandKey, failure: Failure) -> Answer:
    """The outcome of a command about this payment that failed."""
    return Answer("payment.failed", subject.correlation_id, _of(payment) | _why(failure), subject.command_type)


def hold_ended(payment: Payment) -> Answer:
    """A news event: an authorized hold ended without a command."""
    payload = _of(payment) | _why(CANCELED)
    return Answer("payment.failed", payment.authorize_correlation_id, payload, news=payment.status)


def news(payment: Payment, kind: str, movement: Movement, correlation_id: str, **more: Any) -> Answer:
    """A news event about a movement. ``amount`` and ``currency`` are the movement's, and its key is the news' key."""
    payload = _of(payment) | {
        "status": payment.status.value,
        "currency": movement.currency,
        "amount": movement.amount,
        **more,
    }
    return Answer(kind, correlation_id, payload, news=f"{movement.kind} {movement.proof}")


def refused(
    subject: CommandKey, failure: Failure, *, payment_id: UUID | str | None = None, order_id: str | None = None
) -> Answer:
    """The outcome of a command that failed and has no payment of ours."""
    ids = {"payment_id": None if payment_id is None else str(payment_id), "order_id": order_id}
    return Answer("payment.failed", subject.correlation_id, ids | _why(failure), subject.command_type)


def _of(payment: Payment) -> dict[str, Any]:
    return {"payment_id": str(payment.payment_id), "order_id": payment.order_id}


def _why(failure: Failure) -> dict[str, Any]:
    return {name: value for name, value in failure.as_json().items() if value is not None}
