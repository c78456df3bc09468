"""A payment attempt: the card's decision, the 3-D Secure challenge, the hold."""

from __future__ import annotations

from dataclasses import dataclass

from devstack.stripe_simulator import charges, payment_methods, refund_shape, uncaptured
from devstack.stripe_simulator.cards import AUTHENTICATION_REQUIRED, Card, Challenge, Decline
from devstack.stripe_simulator.clock import DAY
from devstack.stripe_simulator.errors import RefusedError, unexpected_state
from devstack.stripe_simulator.intent_states import Action, Status, require
from devstack.stripe_simulator.ledger import Effect
from devstack.stripe_simulator.state import State
from devstack.stripe_simulator.wire import Json

HOLD_SECONDS = 7 * DAY
"""Lifetime of an online card hold ("Place a hold on a payment method")."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a confirmation."""

    off_session: bool
    error_on_requires_action: bool
    return_url: str | None
    base_url: str


def confirm(state: State, intent: Json, terms: Terms) -> None:
    """Try the intent's card.

    Raises:
        RefusedError: 402 `card_error`; the intent then waits for another payment method.
    """
    card = state.cards[intent["payment_method"]]
    intent["next_action"] = None
    if not _challenged(card, terms):
        _charge(state, intent, card, card.decline)
    elif terms.off_session or terms.error_on_requires_action:
        _charge(state, intent, card, AUTHENTICATION_REQUIRED)
    else:
        intent["status"] = Status.REQUIRES_ACTION
        intent["next_action"] = _next_action(intent, terms)
        state.emit("payment_intent.requires_action", intent)


def authenticate(state: State, intent: Json, *, succeeded: bool) -> None:
    """End the 3-D Secure challenge with success or failure.

    Raises:
        RefusedError: the intent awaits no authentication, or the card is declined after it.
    """
    require(Action.AUTHENTICATE, intent)
    card = state.cards[intent["payment_method"]]
    intent["next_action"] = None
    if succeeded:
        _charge(state, intent, card, card.decline)
        return
    _fail(
        state,
        intent,
        {
            "code": "payment_intent_authentication_failure",
            "doc_url": "https://stripe.com/docs/error-codes/payment-intent-authentication-failure",
            "message": "The provided PaymentMethod has failed authentication. You can provide "
            "payment_method_data or a new PaymentMethod to attempt to fulfill this PaymentIntent again.",
            "type": "invalid_request_error",
        },
    )


def capture(state: State, intent: Json, amount: int) -> None:
    """Capture held money and release the rest of the hold. With `captures_process` the capture only begins."""
    if state.options.captures_process:
        intent |= {"status": Status.PROCESSING, "amount_capturable": 0}
        state.processing[intent["id"]] = amount
        state.emit("payment_intent.processing", intent)
        return
    _captured(state, intent, amount)


def finish_capture(state: State, intent: Json, *, succeeded: bool) -> None:
    """End a `processing` capture with the bank's decision. Raises RefusedError when none is `processing`."""
    if intent["id"] not in state.processing:
        raise unexpected_state(f"No capture of {intent['id']} is processing.", intent)
    amount = state.processing.pop(intent["id"])
    if succeeded:
        _captured(state, intent, amount)
        return
    charge = state.charges[intent["latest_charge"]]
    charge |= {"status": "failed", "paid": False, "failure_code": "card_declined"}
    state.record(Effect.CANCEL, intent["id"], intent["amount"], charge, intent)
    state.emit("charge.failed", charge)
    declined = {"code": "card_declined", "decline_code": "generic_decline", "charge": charge["id"]}
    _fail(state, intent, {**declined, "message": "Your card was declined.", "type": "card_error"})


def _captured(state: State, intent: Json, amount: int) -> None:
    charge = state.charges[intent["latest_charge"]]
    intent |= {"status": Status.SUCCEEDED, "amount_capturable": 0, "amount_received": amount}
    charges.take(state, charge, amount, state.cards[intent["payment_method"]])
    rest = uncaptured.give_back_rest(state, charge)
    state.emit("charge.captured", charge)
    refund_shape.publish(state, rest)
    state.emit("payment_intent.succeeded", intent)


def _challenged(card: Card, terms: Terms) -> bool:
    if card.challenge is Challenge.ON_SESSION:
        return not terms.off_session
    return card.challenge is Challenge.ALWAYS


def _charge(state: State, intent: Json, card: Card, decline: Decline | None) -> None:
    charge = charges.make(state, intent, card, decline)
    if decline is not None:
        _decline(state, intent, charge, decline)
    intent["last_payment_error"] = None
    payment_methods.note_use(state, intent)
    if intent["capture_method"] == "manual":
        _hold(state, intent, charge)
        return
    intent |= {"status": Status.SUCCEEDED, "amount_received": intent["amount"]}
    charges.take(state, charge, intent["amount"], card)
    state.emit("charge.succeeded", charge)
    state.emit("payment_intent.succeeded", intent)


def _hold(state: State, intent: Json, charge: Json) -> None:
    intent |= {"status": Status.REQUIRES_CAPTURE, "amount_capturable": intent["amount"]}
    state.holds.append((state.clock.now() + HOLD_SECONDS, intent["id"]))
    state.record(Effect.HOLD, charge["id"], intent["amount"], charge, intent)
    state.emit("charge.succeeded", charge)
    state.emit("payment_intent.amount_capturable_updated", intent)


def _decline(state: State, intent: Json, charge: Json, decline: Decline) -> None:
    refusal = RefusedError(
        decline.message,
        status=402,
        type_="card_error",
        code=decline.code,
        decline_code=decline.decline_code,
        charge=charge["id"],
        advice_code="try_again_later",
    )
    error = {**refusal.error, "payment_method": state.payment_methods[intent["payment_method"]]}
    state.emit("charge.failed", charge)
    _fail(state, intent, error)
    refusal.error |= {"payment_intent": dict(intent), "payment_method": error["payment_method"]}
    raise refusal


def _fail(state: State, intent: Json, error: Json) -> None:
    error = {**error, "payment_method": state.payment_methods[intent["payment_method"]]}
    intent |= {
        "status": Status.REQUIRES_PAYMENT_METHOD,
        "last_payment_error": error,
        "payment_method": None,
    }
    state.emit("payment_intent.payment_failed", intent)


def _next_action(intent: Json, terms: Terms) -> Json:
    url = f"{terms.base_url}/3d_secure/{intent['id']}"
    if terms.return_url:
        redirect = {"return_url": terms.return_url, "url": url}
        return {"type": "redirect_to_url", "redirect_to_url": redirect}
    sdk = {"type": "three_d_secure_redirect", "stripe_js": url, "source": intent["payment_method"]}
    return {"type": "use_stripe_sdk", "use_stripe_sdk": sdk}
