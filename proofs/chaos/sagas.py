"""The steps of each kind of saga, and the answers that it expects."""

from collections.abc import Callable

from proofs.chaos import outsiders
from proofs.chaos.plan import Kind
from proofs.chaos.talk import Talk

_VISA = "pm_card_visa"
_DECLINED = "pm_card_visa_chargeDeclined"
CHALLENGED = "pm_card_threeDSecure2Required"


def held(talk: Talk) -> str:
    """Authorize; returns the payment's id."""
    asked = talk.authorize(_VISA)
    return talk.hear(asked, "payment.authorized AUTHORIZED").payment_id


def released(talk: Talk, payment_id: str, attempt: int = 1) -> None:
    """Release the payment."""
    talk.hear(talk.release(payment_id, attempt), "payment.released SUCCEEDED")


def reverted(talk: Talk, payment_id: str) -> None:
    """Revert the payment."""
    talk.hear(talk.revert(payment_id), "payment.reverted REVERTED")


def _paid(talk: Talk) -> None:
    released(talk, held(talk))


def _paid_twice(talk: Talk) -> None:
    payment_id = held(talk)
    released(talk, payment_id, 1)
    released(talk, payment_id, 2)


def _compensated(talk: Talk) -> None:
    reverted(talk, held(talk))


def _refunded(talk: Talk) -> None:
    payment_id = held(talk)
    released(talk, payment_id)
    reverted(talk, payment_id)


def _challenged(talk: Talk) -> None:
    asked = talk.authorize(CHALLENGED)
    talk.finish_challenge(talk.awaited_customer(), succeeded=True)
    released(talk, talk.hear(asked, "payment.authorized AUTHORIZED").payment_id)


def _failed_challenge(talk: Talk) -> None:
    asked = talk.authorize(CHALLENGED)
    talk.finish_challenge(talk.awaited_customer(), succeeded=False)
    talk.hear(asked, "payment.failed STRIPE_PAYMENT_FAILED")


def _abandoned(talk: Talk) -> None:
    asked = talk.authorize(CHALLENGED)
    reverted(talk, talk.awaited_customer()["payment_id"])
    talk.hear(asked, "payment.failed STRIPE_PAYMENT_CANCELED")


def _declined(talk: Talk) -> None:
    talk.hear(talk.authorize(_DECLINED), "payment.failed CARD_DECLINED")


def _taken(talk: Talk) -> None:
    payment_id = held(talk)
    again = talk.authorize(_VISA, f"{talk.saga.name}-again")
    talk.hear(again, "payment.failed ORDER_ALREADY_PAID")
    reverted(talk, payment_id)


def _unreadable(talk: Talk) -> None:
    talk.hear_dead_letter(talk.unreadable())


def _invalid(talk: Talk) -> None:
    talk.hear(talk.authorize(_VISA, amount="much"), "payment.failed INVALID_AMOUNT")


SAGAS: dict[Kind, Callable[[Talk], None]] = {
    Kind.PAID: _paid,
    Kind.PAID_TWICE: _paid_twice,
    Kind.REVERTED: _compensated,
    Kind.REFUNDED: _refunded,
    Kind.CHALLENGED: _challenged,
    Kind.FAILED_CHALLENGE: _failed_challenge,
    Kind.ABANDONED: _abandoned,
    Kind.DECLINED: _declined,
    Kind.TAKEN: _taken,
    Kind.UNREADABLE: _unreadable,
    Kind.INVALID: _invalid,
    Kind.REFUNDED_OUTSIDE: outsiders.refunded_outside,
    Kind.PART_REFUNDED: outsiders.part_refunded,
    Kind.PART_CAPTURED: outsiders.part_captured,
    Kind.REFUND_FAILS: outsiders.refund_fails,
    Kind.REVERSED_OUTSIDE: outsiders.reversed_outside,
    Kind.DISPUTE_WON: outsiders.dispute_won,
    Kind.DISPUTE_LOST: outsiders.dispute_lost,
    Kind.STRANGER: outsiders.stranger,
}
"""Each runs one saga to its end. Raises SagaFailedError."""
