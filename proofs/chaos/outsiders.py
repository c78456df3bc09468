"""Sagas in which others move the money, too: people in the Dashboard, banks, other programs on the account."""

from proofs.chaos.talk import Talk

_VISA = "pm_card_visa"


def _paid(talk: Talk) -> str:
    asked = talk.authorize(_VISA)
    payment_id = talk.hear(asked, "payment.authorized AUTHORIZED").payment_id
    talk.hear(talk.release(payment_id), "payment.released SUCCEEDED")
    return payment_id


def _part(talk: Talk) -> int:
    return talk.saga.amount // 3


def refunded_outside(talk: Talk) -> None:
    payment_id = _paid(talk)
    talk.stripe.dashboard("refund", talk.intent(payment_id))
    talk.hear_news(payment_id, "payment.refunded REVERTED")
    talk.hear(talk.revert(payment_id), "payment.reverted REVERTED")


def part_refunded(talk: Talk) -> None:
    payment_id = _paid(talk)
    talk.stripe.dashboard("refund", talk.intent(payment_id), amount=_part(talk))
    talk.hear_news(payment_id, "payment.refunded SUCCEEDED")


def part_captured(talk: Talk) -> None:
    payment_id = talk.hear(talk.authorize(_VISA), "payment.authorized AUTHORIZED").payment_id
    talk.stripe.dashboard("capture", talk.intent(payment_id), amount_to_capture=_part(talk))
    released = talk.hear(talk.release(payment_id), "payment.released SUCCEEDED")
    talk.must_be(released.payload["transfer_amount"], _part(talk))


def refund_fails(talk: Talk) -> None:
    payment_id = _paid(talk)
    dead = talk.hear(talk.revert(payment_id), "payment.reverted REVERTED").payload["refund_id"]
    talk.stripe.finish_refund(dead, "failed")
    talk.hear_news(payment_id, "payment.refund_failed REVERTED")
    again = talk.hear(talk.revert(payment_id, f"{talk.saga.name}-again"), "payment.reverted REVERTED")
    talk.must_be(again.payload["refund_id"] != dead, True)


def reversed_outside(talk: Talk) -> None:
    payment_id = _paid(talk)
    talk.stripe.dashboard("reverse_transfer", talk.intent(payment_id))
    talk.hear_news(payment_id, "payment.transfer_reversed SUCCEEDED")
    talk.hear(talk.revert(payment_id), "payment.reverted REVERTED")


def _disputed(talk: Talk) -> tuple[str, str]:
    """Pay and then dispute; returns the payment and the dispute."""
    payment_id = _paid(talk)
    dispute = talk.stripe.dispute(talk.charge(payment_id))
    talk.hear_news(payment_id, "payment.disputed SUCCEEDED")
    return payment_id, dispute["id"]


def dispute_won(talk: Talk) -> None:
    payment_id, dispute_id = _disputed(talk)
    talk.stripe.end_dispute(dispute_id, "won")
    talk.hear_news(payment_id, "payment.dispute_closed SUCCEEDED")


def dispute_lost(talk: Talk) -> None:
    payment_id, dispute_id = _disputed(talk)
    talk.stripe.end_dispute(dispute_id, "lost")
    talk.hear_news(payment_id, "payment.dispute_closed REVERTED")
    talk.hear(talk.revert(payment_id), "payment.reverted REVERTED")


def stranger(talk: Talk) -> None:
    """A stranger's intent causes no event, because its money is not the payment's."""
    payment_id = talk.hear(talk.authorize(_VISA), "payment.authorized AUTHORIZED").payment_id
    talk.as_stranger(
        "payment_intents",
        {"amount": str(talk.saga.amount), "confirm": "true", "payment_method": _VISA, "return_url": "https://x.example"}
        | {"metadata[payment_id]": payment_id},
    )
    talk.hear(talk.release(payment_id), "payment.released SUCCEEDED")
