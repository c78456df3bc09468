"""Give the money back."""

from dataclasses import dataclass, replace
from typing import ClassVar
from uuid import UUID

from service.domain import events
from service.domain.commands.command import CommandType, Field, Keyed, payment_id, text
from service.domain.next_step import Call, Next, Policy, Settled, Step, refuse
from service.domain.payment import UNANSWERED, Payment, PaymentStatus


@dataclass(frozen=True, slots=True)
class Revert(Keyed):
    """Give the money back: cancel the hold, or reverse the transfer and refund."""

    type: ClassVar = CommandType.REVERT
    correlation_id: str
    payment_id: UUID
    reason: str | None = None

    @property
    def ordering_key(self) -> str:
        """The payment: commands with the same ordering key run one after the other."""
        return str(self.payment_id)


FIELDS: tuple[Field, ...] = (
    Field("payment_id", payment_id),
    Field("reason", text(5000), required=False),
)


def next_step(command: Revert, payment: Payment, policy: Policy) -> Next:
    """Cancel the hold, or reverse the transfer and refund."""
    match payment.status:
        case PaymentStatus.FAILED:
            return refuse(command, payment, "a failed payment holds no money")
        case PaymentStatus.REVERTED:
            return _revert_again(command, payment, policy)
        case _ if payment.holds_nothing and not _is_out(payment):
            return _settle_revert(command, payment, policy)
        case _ if payment.captured_at is None:
            return Call(Step.CANCEL)
        case _ if _is_out(payment):
            return Call(Step.REVERSE)
        case _:
            return Call(Step.REFUND)


def _is_out(payment: Payment) -> bool:
    """Whether our transfer is not taken back, or only in part."""
    return payment.stripe_transfer_id is not None and payment.stripe_reversal_id is None


def _revert_again(command: Revert, payment: Payment, policy: Policy) -> Next:
    """The steps that a reverted payment still lacks: reverse a transfer that is still out, repeat a failed refund."""
    if _is_out(payment) and payment.money.outstanding > 0:
        return Call(Step.REVERSE)
    if payment.money.left > 0 and payment.stripe_refund_id is None:
        return Call(Step.REFUND)
    answer = events.reverted(payment, command.key, policy.revert_event_type)
    return Settled(replace(payment, revert_correlation_id=command.correlation_id), (answer,))


def _settle_revert(command: Revert, payment: Payment, policy: Policy) -> Settled:
    """The revert is done. An authorize without an answer is answered with it."""
    unanswered = payment.status in UNANSWERED
    failure = events.CANCELED.as_json() if unanswered else None
    by = {"revert_reason": command.reason, "revert_correlation_id": command.correlation_id}
    done = payment.become(PaymentStatus.REVERTED, failure=failure, **by)
    answer = events.reverted(done, command.key, policy.revert_event_type)
    if not unanswered:
        return Settled(done, (answer,))
    return Settled(done, (events.failed(done, events.authorize_of(done), events.CANCELED), answer))
