"""Capture the hold and pay the runner."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from service.domain import events
from service.domain.commands.command import ID, CommandType, Field, Keyed, payment_id
from service.domain.errors import ErrorCode
from service.domain.events import DISPUTED, REFUNDED
from service.domain.next_step import Call, Mode, Next, Settled, Step, refuse
from service.domain.payment import Failure, Payment, PaymentStatus


@dataclass(frozen=True, slots=True)
class Release(Keyed):
    """Capture the hold and transfer all of it to the runner's Connect account."""

    type: ClassVar = CommandType.RELEASE
    correlation_id: str
    payment_id: UUID
    runner_id: str
    runner_connect_account_id: str

    @property
    def ordering_key(self) -> str:
        """The payment: commands with the same ordering key run one after the other."""
        return str(self.payment_id)


FIELDS: tuple[Field, ...] = (
    Field("payment_id", payment_id),
    Field("runner_id", ID),
    Field("runner_connect_account_id", ID),
)


def next_step(command: Release, payment: Payment) -> Next:
    """Capture, then transfer. A step that is done already is not planned again."""
    match payment.status:
        case PaymentStatus.AUTHORIZED if payment.holds_nothing:
            return refuse(command, payment, "its hold has ended; authorize anew")
        case PaymentStatus.AUTHORIZED if payment.captured_at is None:
            return Call(Step.CAPTURE)
        case PaymentStatus.AUTHORIZED:
            return _transfer(payment)
        case PaymentStatus.SUCCEEDED if payment.stripe_transfer_id is None:
            return _transfer(payment)
        case PaymentStatus.SUCCEEDED:
            return _released_before(command, payment)
        case PaymentStatus.REVERTED if payment.refunded or payment.disputed:
            return _money_gone(command, payment)
        case _:
            return refuse(command, payment, "only an authorized payment can be released")


def _transfer(payment: Payment) -> Call:
    return Call(Step.CAPTURE, Mode.LOOK) if payment.stripe_charge_id is None else Call(Step.TRANSFER)


def _money_gone(command: Release, payment: Payment) -> Settled:
    """The customer or a bank has the money back. The payment's failure says why, unless a revert was asked for."""
    code = (payment.failure or {}).get("error")
    if code not in _GONE:
        return refuse(command, payment, "only an authorized payment can be released")
    return Settled(payment, (events.failed(payment, command.key, _GONE[code]),))


_GONE = {failure.error.value: failure for failure in (REFUNDED, DISPUTED)}


def _released_before(command: Release, payment: Payment) -> Next:
    if payment.stripe_reversal_id is not None:
        return _transfer(payment)
    missing = (payment.transfer_amount or 0) - payment.money.outstanding
    if payment.reversed and missing > 0:
        why = f"{missing} of the transfer was taken back; revert it, or pay the runner the rest by other means"
        return refuse(command, payment, why)
    if payment.runner_connect_account_id == command.runner_connect_account_id:
        return Settled(payment, (events.released(payment, command.key),))
    message = "The payment was already released to another account; revert it first."
    failure = Failure(ErrorCode.ALREADY_RELEASED, message)
    return Settled(payment, (events.failed(payment, command.key, failure),))
