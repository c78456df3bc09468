"""The uncaptured part of a hold. Stripe shows it as a refund of the charge, although no money of a customer moved.

Sources: Stripe API reference, "Capture a PaymentIntent" ("any additional amount is automatically refunded") and "The
Refund object" (reason `expired_uncaptured_charge`); "Reporting categories and types" (`partial_capture_reversal`).
The ledger has no entry for it, because the entries HOLD, CAPTURE and CANCEL are complete without it.
"""

from __future__ import annotations

from devstack.stripe_simulator import refund_shape
from devstack.stripe_simulator.balance_transactions import Kind, Money, add_for_charge
from devstack.stripe_simulator.state import State
from devstack.stripe_simulator.wire import Json


def give_back_rest(state: State, charge: Json) -> Json | None:
    """The refund of the rest after a partial capture; None after a full capture.

    The charge's balance transaction is for the whole hold, so the refund has one that returns the rest.
    """
    rest: int = charge["amount"] - charge["amount_captured"]
    if rest == 0:
        return None
    refund = _show(state, charge, rest)
    money = Money(-rest, charge["currency"])
    settled = add_for_charge(state, Kind.PARTIAL_CAPTURE, money, refund["id"], charge)
    refund["balance_transaction"] = settled["id"]
    return refund


def give_back_all(state: State, charge: Json, *, expired: bool) -> Json:
    """The refund of a hold without a capture. It has no balance transaction, because nothing was on the balance."""
    charge["refunded"] = True
    return _show(state, charge, charge["amount"], reason="expired_uncaptured_charge" if expired else None)


def _show(state: State, charge: Json, amount: int, *, reason: str | None = None) -> Json:
    charge["amount_refunded"] += amount
    return refund_shape.new(state, charge, amount, card="reversal", reason=reason)
