"""The ids and the proofs in a webhook event's object, whatever its kind."""

from collections.abc import Callable, Iterator

from service.domain.event_proofs import refund_status, sum_refunded
from service.domain.ledger import MovementKind, Proof
from service.domain.movements import of_dispute
from service.domain.stripe_objects import About
from service.gateway.fields import Json, UnexpectedObjectError, optional_id, text
from service.gateway.translate import dispute_of, payment_id_of, refund_of, refunded_of, transfer_of

_CHARGES = ("ch_", "py_")


def about(subject: Json) -> About | None:
    """The ids of the intent, charge, transfer or payment that an object is or names; None if there are none."""
    own = _id(subject, "id") or ""
    named = About(
        intent_id=own if own.startswith("pi_") else _id(subject, "payment_intent"),
        charge_id=own if own.startswith(_CHARGES) else _id(subject, "charge") or _id(subject, "source_transaction"),
        transfer_id=own if own.startswith("tr_") else None,
        payment_id=_named_payment(subject),
    )
    return None if named == About() else named


def _id(subject: Json, name: str) -> str | None:
    """The id in a field; None if the field has no valid id."""
    try:
        return optional_id(subject, name)
    except UnexpectedObjectError:
        return None


def _named_payment(subject: Json) -> str | None:
    try:
        return payment_id_of(subject)
    except UnexpectedObjectError:
        return None


def proofs_of(event_type: str, subject: Json) -> tuple[Proof, ...]:
    """The proofs that the object shows; none if only a look can show them. Raises UnexpectedObjectError."""
    kind = "charge" if event_type in _OF_CHARGE else text(subject, "object")
    read = _READERS.get(kind)
    return () if read is None else tuple(read(event_type, subject))


_OF_CHARGE = {"charge.captured": MovementKind.CAPTURE, "charge.expired": MovementKind.HOLD_GONE}


def _charge(event_type: str, subject: Json) -> Iterator[Proof]:
    if event_type in _OF_CHARGE:
        yield (_OF_CHARGE[event_type], text(subject, "id"))
    else:
        yield sum_refunded(refunded_of(subject))


def _refund(_: str, subject: Json) -> Iterator[Proof]:
    refund = refund_of(subject)
    yield (MovementKind.REFUND, refund.id)
    yield (MovementKind.REFUND_FAILED, refund.id) if refund.failed else refund_status(refund)


def _dispute(_: str, subject: Json) -> Iterator[Proof]:
    return (movement.key for movement in of_dispute(dispute_of(subject)))


def _transfer(_: str, subject: Json) -> Iterator[Proof]:
    transfer = transfer_of(subject)
    yield (MovementKind.TRANSFER, transfer.id)
    for reversal in transfer.reversals:
        yield (MovementKind.REVERSAL, reversal.id)


_READERS: dict[str, Callable[[str, Json], Iterator[Proof]]] = {
    "charge": _charge,
    "refund": _refund,
    "dispute": _dispute,
    "transfer": _transfer,
}
