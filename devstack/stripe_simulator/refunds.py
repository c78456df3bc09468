"""Refunds of captured charges. A refund never takes a transfer back ("Separate charges and transfers")."""

from __future__ import annotations

from devstack.stripe_simulator import charges
from devstack.stripe_simulator.cards import RefundFate
from devstack.stripe_simulator.errors import RefusedError, missing_parameter, no_such, unexpected_state
from devstack.stripe_simulator.ledger import Effect
from devstack.stripe_simulator.metadata import merge
from devstack.stripe_simulator.money import check_positive, display
from devstack.stripe_simulator.state import Actor, Call, State, found
from devstack.stripe_simulator.wire import Json


def create(state: State, call: Call) -> Json:
    """POST /v1/refunds"""
    charge = _charge(state, call.params)
    amount = _amount(charge, call.params)
    card = state.cards[charge["payment_method"]]
    refund: Json = {
        "id": state.new_id("re_3"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": state.new_id("txn_3"),
        "charge": charge["id"],
        "created": state.clock.stamp(),
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": {"card": {"reference_status": "pending", "type": "refund"}, "type": "card"},
        "metadata": merge({}, call.params.get("metadata")),
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": call.params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if card.refund is RefundFate.PENDING_THEN_SUCCEEDS else "succeeded",
        "transfer_reversal": None,
    }
    state.refunds[refund["id"]] = refund
    _move(charge, amount)
    if card.refund is not RefundFate.SUCCEEDS:
        state.unsettled_refunds.append(refund["id"])
    intent = state.payment_intents[charge["payment_intent"]]
    state.record(Effect.REFUND, refund["id"], amount, charge, intent)
    state.emit("refund.created", refund)
    state.emit("charge.refunded", charge)
    return refund


def retrieve(state: State, call: Call) -> Json:
    """GET /v1/refunds/:refund"""
    return found(state.refunds, call.path["refund"], "refund", "id", status=404)


def settle(state: State) -> None:
    """Bring pending and failing refunds to their end, as the bank does some days later ("Refund test cards")."""
    state.actor = Actor("stripe")
    for id_ in state.unsettled_refunds:
        refund = state.refunds[id_]
        charge = state.charges[refund["charge"]]
        if state.cards[charge["payment_method"]].refund is RefundFate.PENDING_THEN_SUCCEEDS:
            refund["status"] = "succeeded"
            state.emit("refund.updated", refund)
            continue
        refund |= {"status": "failed", "failure_reason": "expired_or_canceled_card"}
        _move(charge, -refund["amount"])
        state.emit("refund.failed", refund)
    state.unsettled_refunds.clear()


def _charge(state: State, params: Json) -> Json:
    if "charge" in params:
        charge = found(state.charges, params["charge"], "charge", "charge")
        intent = state.payment_intents[charge["payment_intent"]]
    elif "payment_intent" in params:
        intent = found(state.payment_intents, params["payment_intent"], "payment_intent", "payment_intent")
    else:
        raise missing_parameter("payment_intent")
    charge_id = intent["latest_charge"]
    if params.get("charge", charge_id) != charge_id:
        raise no_such("charge", params["charge"], "charge")
    # Stricter than Stripe, where refunding an uncaptured charge sets the hold free: cancelling says what is meant.
    if charge_id is None or not state.charges[charge_id]["captured"]:
        text = f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
        raise unexpected_state(text, intent)
    return state.charges[charge_id]


def _amount(charge: Json, params: Json) -> int:
    left = charges.refundable(charge)
    amount: int = params.get("amount", left)
    if left == 0:
        text = f"Charge {charge['id']} has already been refunded."
        raise RefusedError(text, code="charge_already_refunded")
    check_positive(amount)
    if amount > left:
        currency = charge["currency"]
        raise RefusedError(
            f"Refund amount ({display(amount, currency)}) is greater than unrefunded amount on charge "
            f"({display(left, currency)})",
            param="amount",
        )
    return amount


def _move(charge: Json, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charges.refundable(charge) == 0
