"""Refunds of captured charges. A refund never reverses a transfer ("Separate charges and transfers").

A refund may wait (`pending`, `requires_action`), and it may fail after it was announced as succeeded. Its money is then
back in the platform's balance, and the customer has nothing ("Refund and cancel payments: failed refunds").
"""

from __future__ import annotations

from devstack.stripe_simulator import balance, charges, refund_shape
from devstack.stripe_simulator.balance_transactions import Kind, Money, add_for_charge
from devstack.stripe_simulator.cards import RefundFate
from devstack.stripe_simulator.errors import RefusedError, missing_parameter, no_such, unexpected_state
from devstack.stripe_simulator.ledger import Effect
from devstack.stripe_simulator.metadata import merge
from devstack.stripe_simulator.money import check_positive, display
from devstack.stripe_simulator.state import Actor, Call, RefundEnd, State, found
from devstack.stripe_simulator.wire import Json

_FATES = {
    RefundFate.SUCCEEDS: RefundEnd("succeeded"),
    RefundFate.PENDING_THEN_SUCCEEDS: RefundEnd("pending", "succeeded"),
    RefundFate.SUCCEEDS_THEN_FAILS: RefundEnd("succeeded", "failed"),
}


def create(state: State, call: Call) -> Json:
    """POST /v1/refunds"""
    charge = _charge(state, call.params)
    amount = _amount(state, charge, call.params)
    end = _end(state, charge, amount)
    refund = refund_shape.new(
        state,
        charge,
        amount,
        metadata=merge({}, call.params.get("metadata")),
        reason=call.params.get("reason"),
        status=end.first,
        **({"pending_reason": end.pending_reason} if end.pending_reason else {}),
    )
    refund["balance_transaction"] = _settle(state, Kind.REFUND, refund, charge, -amount)
    _move(charge, amount)
    if end.last is not None:
        state.unsettled_refunds[refund["id"]] = end.last
    intent = state.payment_intents[charge["payment_intent"]]
    state.record(Effect.REFUND, refund["id"], amount, charge, intent)
    refund_shape.publish(state, refund)
    return refund


def retrieve(state: State, call: Call) -> Json:
    """GET /v1/refunds/:refund"""
    return found(state.refunds, call.path["refund"], "refund", "id", status=404)


def settle(state: State) -> None:
    """End pending and failing refunds, as the bank does some days later ("Refund test cards")."""
    for id_, last in list(state.unsettled_refunds.items()):
        finish(state, id_, last)


def finish(state: State, id_: str, status: str) -> Json:
    """End one refund: `succeeded`, `failed` or `canceled`."""
    state.actor = Actor("stripe")
    refund = found(state.refunds, id_, "refund", "id")
    state.unsettled_refunds.pop(id_, None)
    refund["status"] = status
    refund.pop("pending_reason", None)
    if status != "succeeded":
        _return_to_platform(state, refund)
    state.emit("charge.refund.updated", refund)
    state.emit("refund.failed" if status == "failed" else "refund.updated", refund)
    return refund


def _return_to_platform(state: State, refund: Json) -> None:
    charge, amount = state.charges[refund["charge"]], refund["amount"]
    refund["failure_reason"] = "expired_or_canceled_card" if refund["status"] == "failed" else "merchant_request"
    refund["failure_balance_transaction"] = _settle(state, Kind.REFUND_FAILURE, refund, charge, amount)
    _move(charge, -amount)
    intent = state.payment_intents[charge["payment_intent"]]
    state.record(Effect.REFUND_FAILURE, refund["id"], amount, charge, intent)


def _end(state: State, charge: Json, amount: int) -> RefundEnd:
    """The end of this refund: the test's choice, or the result of card and balance."""
    if state.refund_ends:
        return state.refund_ends.popleft()
    if state.options.refunds_wait_for_balance and balance.available(state, charge["currency"]) < amount:
        return RefundEnd("pending", "succeeded", "insufficient_funds")
    return _FATES[state.cards[charge["payment_method"]].refund]


def _settle(state: State, kind: Kind, refund: Json, charge: Json, amount: int) -> str:
    id_: str = add_for_charge(state, kind, Money(amount, charge["currency"]), refund["id"], charge)["id"]
    return id_


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
    # Stricter than Stripe, where the refund of an uncaptured charge releases the hold. Callers should cancel instead.
    if charge_id is None or not state.charges[charge_id]["captured"]:
        text = f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
        raise unexpected_state(text, intent)
    return state.charges[charge_id]


def _amount(state: State, charge: Json, params: Json) -> int:
    left = charges.refundable(charge)
    amount: int = params.get("amount", left)
    if any(not dispute["is_charge_refundable"] for dispute in _disputes(state, charge)):
        text = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise RefusedError(text, code="charge_disputed")
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


def _disputes(state: State, charge: Json) -> list[Json]:
    return [dispute for dispute in state.disputes.values() if dispute["charge"] == charge["id"]]


def _move(charge: Json, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charges.refundable(charge) == 0
