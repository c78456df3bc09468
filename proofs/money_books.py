"""Compares books and Stripe to the cent, only by the simulator's ledger and the payments' rows."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from devstack.stripe_simulator.ledger import LedgerEntry

STRANGER = "acct_stranger"
"""The account that other programs pay from our charges."""

ENDED = frozenset({"FAILED", "REVERTED"})

_SUM = {
    "hold": ("held", 1),
    "cancel": ("held", -1),
    "capture": ("captured", 1),
    "refund": ("refunded", 1),
    "refund_failure": ("refunded", -1),
    "dispute": ("disputed", 1),
    "dispute_reversal": ("disputed", -1),
    "transfer": ("transferred", 1),
    "reversal": ("reversed", 1),
}
_UNDONE_BY = {"refund_failure": "refund", "reversal": "transfer"}
_OTHERS = frozenset({"dashboard", "bank"})


def ours(effects: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    """Effects on this service's objects. Other programs name our payment without its order, or pay another account."""
    return [effect for effect in effects if "order_id" in effect.metadata and effect.destination != STRANGER]


def done_twice(effects: Iterable[LedgerEntry]) -> Iterator[str]:
    """Effects that this service repeated: for each intent its hold or end, for each payment a movement of money.

    An undone effect may be repeated: a failed refund, a reversed transfer.
    """
    effective: Counter[tuple[str, str | None]] = Counter()
    for effect in ours(effects):
        whose = effect.payment_intent if effect.effect in {"hold", "cancel"} else effect.metadata["payment_id"]
        if effect.effect in _UNDONE_BY:
            effective[_UNDONE_BY[effect.effect], whose] -= 1
        elif effect.by not in _OTHERS:
            effective[effect.effect, whose] += 1
            if effective[effect.effect, whose] > 1:
                yield f"{effect.effect} of {whose}: {effective[effect.effect, whose]} times"


def by_payment(effects: Iterable[LedgerEntry]) -> dict[str, list[LedgerEntry]]:
    """Our effects, including those on strays, by payment."""
    found: dict[str, list[LedgerEntry]] = defaultdict(list)
    for effect in ours(effects):
        found[effect.metadata["payment_id"]].append(effect)
    return found


def misplaced(payment: Mapping[str, Any], effects: Iterable[LedgerEntry]) -> str | None:
    """The way in which a payment's money, strays included, contradicts its status; None when both agree."""
    amounts: Counter[str] = Counter()
    effects = list(effects)
    for effect in effects:
        amounts[effect.effect] += effect.amount
    freed = {effect.charge for effect in effects if effect.effect in {"capture", "cancel"}}
    held = sum(effect.amount for effect in effects if effect.effect == "hold" and effect.charge not in freed)
    lost = amounts["dispute"] - amounts["dispute_reversal"]
    kept = amounts["capture"] - amounts["refund"] + amounts["refund_failure"] - lost
    sent = amounts["transfer"] - amounts["reversal"]
    # A bank may withdraw more than the rest, and a charge with a disputed part cannot be refunded.
    ended = (held, 0 if lost else max(kept, 0), sent) == (0, 0, 0)
    is_sent = bool(payment["stripe_transfer_id"] and not payment["stripe_reversal_id"])
    right = {
        **dict.fromkeys(ENDED, ended),
        "AUTHORIZED": held + kept > 0 and sent == 0,
        "SUCCEEDED": held == 0 and kept > 0 and (sent > 0) == is_sent,
    }
    if right.get(payment["status"], True):
        return None
    return f"{payment['status']} {payment['payment_id']}, but held {held}, kept {kept}, sent {sent}"


def sums_of(payment: Mapping[str, Any], effects: Iterable[LedgerEntry]) -> dict[str, int]:
    """The amounts that Stripe held, captured, refunded and transferred for the payment's own intent.

    A repeated transfer has no source charge. A second intent of the payment counts in no sum.
    """
    intent, payment_id = payment["stripe_payment_intent_id"], str(payment["payment_id"])
    sums = dict.fromkeys(("held", "captured", "refunded", "disputed", "transferred", "reversed"), 0)
    for effect in effects:
        named = effect.payment_intent is None and effect.metadata.get("payment_id") == payment_id
        if named or (intent is not None and effect.payment_intent == intent):
            name, sign = _SUM[effect.effect]
            sums[name] += sign * effect.amount
    if sums["captured"]:
        sums["held"] = 0
    return sums


def differing(payment: Mapping[str, Any], effects: Iterable[LedgerEntry]) -> str | None:
    """The difference between the record's sums and Stripe's; None when they agree to the cent."""
    stripe_side = sums_of(payment, effects)
    record = {name: payment[name] for name in stripe_side}
    return None if record == stripe_side else f"{payment['payment_id']}: record {record}, Stripe {stripe_side}"
