"""What a person does in Stripe's Dashboard: no API request, no idempotency key, but the same events."""

from __future__ import annotations

from devstack.stripe_simulator import intents, refunds
from devstack.stripe_simulator.state import Actor, Call, State
from devstack.stripe_simulator.wire import Json


def act(state: State, action: str, payment_intent: str, **params: object) -> Json:
    """Capture, cancel or refund; `params` are those of the API's endpoint.

    Raises:
        ValueError: another action.
        RefusedError: the intent's state does not allow it.
    """
    state.actor = Actor("dashboard")
    path = {"intent": payment_intent}
    if action == "capture":
        return intents.capture(state, Call(params, path, ""))
    if action == "cancel":
        return intents.cancel(state, Call(params, path, ""))
    if action == "refund":
        return refunds.create(state, Call({"payment_intent": payment_intent, **params}, {}, ""))
    raise ValueError(f"the Dashboard does capture, cancel and refund, not {action}")
