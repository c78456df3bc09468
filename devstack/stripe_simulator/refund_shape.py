"""A Refund as Stripe shows it: one that was asked for, or what of a hold was never captured."""

from __future__ import annotations

from devstack.stripe_simulator.state import State
from devstack.stripe_simulator.wire import Json


def new(state: State, charge: Json, amount: int, *, card: str = "refund", **fields: object) -> Json:
    """One more refund of ``charge``; ``card`` is what its statement shows, ``fields`` go over what is usual."""
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


def tell(state: State, refund: Json | None) -> None:
    """The events of a new refund, where there is one."""
    if refund is not None:
        state.emit("refund.created", refund)
        state.emit("charge.refunded", state.charges[refund["charge"]])
