"""The events of the contract, built in one place."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from service.domain.commands import CommandType
from service.domain.errors import ErrorCode
from service.domain.ledger import Movement
from service.domain.messages import Answer
from service.domain.payment import Failure, Payment
from service.domain.status import PaymentStatus

CANCELED = Failure(
    ErrorCode.STRIPE_PAYMENT_CANCELED,
    "The payment was cancelled before it was captured; authorise again to try once more.",
)


@dataclass(frozen=True, slots=True)
class Subject:
    """The command an answer is for."""

    type: str
    correlation_id: str


def authorise_of(payment: Payment) -> Subject:
    """The command that made this payment."""
    return Subject(CommandType.AUTHORIZE, payment.authorize_correlation_id)


def authorized(payment: Payment) -> Answer:
    """The authorise's good outcome; the status tells whether the money is held or already captured."""
    subject = authorise_of(payment)
    payload = _of(payment) | {
        "payment_intent_id": payment.stripe_payment_intent_id,
        "status": payment.status.value,
    }
    return Answer("payment.authorized", subject.correlation_id, payload, subject.type)


def released(payment: Payment, subject: Subject) -> Answer:
    """Captured and transferred."""
    payload = _of(payment) | {
        "transfer_id": payment.stripe_transfer_id,
        "status": PaymentStatus.SUCCEEDED.value,
        "runner_id": payment.runner_id,
        "amount": payment.amount,
        "transfer_amount": payment.transfer_amount or payment.amount,
        "transfer_currency": payment.transfer_currency or payment.currency,
    }
    return Answer("payment.released", subject.correlation_id, payload, subject.type)


def reverted(payment: Payment, subject: Subject, event_type: str) -> Answer:
    """Cancelled or refunded, under the name that ``REVERT_EVENT_TYPE`` picks."""
    payload = _of(payment) | {"status": PaymentStatus.REVERTED.value}
    if payment.stripe_refund_id is not None:
        payload["refund_id"] = payment.stripe_refund_id
        if payment.refund_status is not None:
            payload["refund_status"] = payment.refund_status
    if event_type == "payment.failed":
        payload |= {"error": CANCELED.error.value, "message": "The payment was reverted as asked."}
    return Answer(event_type, subject.correlation_id, payload, subject.type)


def failed(payment: Payment, subject: Subject, failure: Failure) -> Answer:
    """A command about this payment that has failed."""
    return Answer("payment.failed", subject.correlation_id, _of(payment) | _why(failure), subject.type)


def hold_ended(payment: Payment) -> Answer:
    """News: an authorised hold ended on its own. It answers no command."""
    payload = _of(payment) | _why(CANCELED)
    return Answer("payment.failed", payment.authorize_correlation_id, payload, news=payment.status)


def news(payment: Payment, kind: str, movement: Movement, correlation_id: str, **more: Any) -> Answer:
    """News of the payment's money; ``amount`` and ``currency`` are the movement's, which it is known by."""
    payload = _of(payment) | {
        "status": payment.status.value,
        "currency": movement.currency,
        "amount": movement.amount,
        **more,
    }
    return Answer(kind, correlation_id, payload, news=f"{movement.kind} {movement.proof}")


def refused(
    subject: Subject, failure: Failure, *, payment_id: UUID | str | None = None, order_id: str | None = None
) -> Answer:
    """A command about no payment of ours that has failed."""
    ids = {"payment_id": None if payment_id is None else str(payment_id), "order_id": order_id}
    return Answer("payment.failed", subject.correlation_id, ids | _why(failure), subject.type)


def _of(payment: Payment) -> dict[str, Any]:
    return {"payment_id": str(payment.payment_id), "order_id": payment.order_id}


def _why(failure: Failure) -> dict[str, Any]:
    return {name: value for name, value in failure.as_json().items() if value is not None}
