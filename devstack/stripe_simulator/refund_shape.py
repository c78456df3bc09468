"""A Refund as Stripe shows it: a requested one, or the part of a hold that was never captured."""

from __future__ import annotations

from devstack.stripe_simulator.state import State
from devstack.stripe_simulator.wire import Json


def new(state: State, charge: Json, amount: int, *, card: str = "refund", **fields: object) -> Json:
    """A new refund of ``charge``; ``card`` is the text on its statement, ``fields`` override the usual values."""
    refund: Json = {
        "id": state.new_id("re_3"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": state.clock.stamp(),
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": {"card": {"reference_status": "pending", "type": card}, "type": "card"},
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
        **fields,
    }
    state.refunds[refund["id"]] = refund
    return refund


def publish(state: State, refund: Json | None) -> None:
    """Send the events of a new refund, if there is one."""
    if refund is not None:
        state.emit("refund.created", refund)
        state.emit("charge.refunded", state.charges[refund["charge"]])
