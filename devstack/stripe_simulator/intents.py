"""PaymentIntents: create, update, confirm, capture, cancel, expire."""

from __future__ import annotations

from devstack.stripe_simulator import attempts, intent_shape, payment_methods, refund_shape, uncaptured
from devstack.stripe_simulator.errors import RefusedError, unexpected_state
from devstack.stripe_simulator.intent_states import Action, Status, require
from devstack.stripe_simulator.ledger import Effect
from devstack.stripe_simulator.metadata import merge
from devstack.stripe_simulator.money import check_charge_amount, check_positive
from devstack.stripe_simulator.state import Actor, Call, State
from devstack.stripe_simulator.wire import Json

_EXPIRED = "automatic"
"""The cancellation reason of a hold that was not captured in time; only Stripe sets it."""


def create(state: State, call: Call) -> Json:
    """POST /v1/payment_intents"""
    intent = intent_shape.new(state, call.params)
    if call.params.get("confirm"):
        _require_method(intent)
        intent_shape.require_return_url(intent, call.params)
    state.payment_intents[intent["id"]] = intent
    state.emit("payment_intent.created", intent)
    if call.params.get("confirm"):
        _confirm(state, intent, call)
    return intent


def update(state: State, call: Call) -> Json:
    """POST /v1/payment_intents/:intent"""
    intent = state.intent(call.path["intent"])
    params = call.params
    metadata = merge(intent["metadata"], params.get("metadata"))
    if "amount" in params:
        require(Action.UPDATE, intent)
        check_charge_amount(params["amount"], intent["currency"])
    _adopt_payment_method(state, intent, params)
    intent_shape.copy_plain(intent, params)
    intent |= {"amount": params.get("amount", intent["amount"]), "metadata": metadata}
    return intent


def retrieve(state: State, call: Call) -> Json:
    """GET /v1/payment_intents/:intent"""
    return state.intent(call.path["intent"])


def confirm(state: State, call: Call) -> Json:
    """POST /v1/payment_intents/:intent/confirm"""
    intent = state.intent(call.path["intent"])
    require(Action.CONFIRM, intent)
    intent_shape.require_return_url(intent, call.params)
    _adopt_payment_method(state, intent, call.params)
    _require_method(intent)
    intent_shape.copy_plain(intent, call.params)
    _confirm(state, intent, call)
    return intent


def capture(state: State, call: Call) -> Json:
    """POST /v1/payment_intents/:intent/capture; releases the rest of the hold."""
    intent = state.intent(call.path["intent"])
    require(Action.CAPTURE, intent)
    wanted = call.params.get("amount_to_capture")
    amount: int = intent["amount_capturable"] if wanted is None else wanted
    check_positive(amount, "amount_to_capture")
    if amount > intent["amount_capturable"]:
        raise RefusedError(
            "Requested capture amount is greater than the amount you can capture for this charge.",
            code="amount_too_large",
            param="amount_to_capture",
        )
    intent["metadata"] = merge(intent["metadata"], call.params.get("metadata"))
    intent_shape.copy_plain(intent, call.params)
    attempts.capture(state, intent, amount)
    return intent


def cancel(state: State, call: Call) -> Json:
    """POST /v1/payment_intents/:intent/cancel"""
    intent = state.intent(call.path["intent"])
    require(Action.CANCEL, intent)
    _cancel(state, intent, call.params.get("cancellation_reason"))
    return intent


def expire_holds(state: State) -> None:
    """Cancel authorized intents that were not captured in time ("Place a hold on a payment method")."""
    while state.holds and state.holds[0][0] <= state.clock.now():
        _, id_ = state.holds.popleft()
        intent = state.payment_intents[id_]
        if intent["status"] == Status.REQUIRES_CAPTURE:
            state.actor = Actor("stripe")
            state.emit("charge.expired", state.charges[intent["latest_charge"]])
            _cancel(state, intent, _EXPIRED)


def _cancel(state: State, intent: Json, reason: str | None) -> None:
    released = intent["amount_capturable"]
    charge = state.charges[intent["latest_charge"]] if released else None
    intent |= {
        "status": Status.CANCELED,
        "amount_capturable": 0,
        "canceled_at": state.clock.stamp(),
        "cancellation_reason": reason,
        "next_action": None,
    }
    state.record(Effect.CANCEL, intent["id"], released, charge, intent)
    if charge is not None:
        refund_shape.publish(state, uncaptured.give_back_all(state, charge, expired=reason == _EXPIRED))
    state.emit("payment_intent.canceled", intent)


def _require_method(intent: Json) -> None:
    if intent["payment_method"] is None:
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either "
            "update the PaymentIntent with a payment method and then confirm it again, or confirm it again "
            "directly with a payment method or ConfirmationToken.",
            intent,
        )


def _confirm(state: State, intent: Json, call: Call) -> None:
    params = call.params
    terms = attempts.Terms(
        off_session=params.get("off_session", False) not in (False, "false"),
        error_on_requires_action=params.get("error_on_requires_action", False),
        return_url=params.get("return_url"),
        base_url=call.base_url,
    )
    attempts.confirm(state, intent, terms)


def _adopt_payment_method(state: State, intent: Json, params: Json) -> None:
    if given := params.get("payment_method"):
        require(Action.UPDATE, intent, change="payment_method")
        intent["payment_method"] = payment_methods.resolve(state, given, intent["customer"])
        if intent["status"] == Status.REQUIRES_PAYMENT_METHOD:
            intent["status"] = Status.REQUIRES_CONFIRMATION
