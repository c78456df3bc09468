"""Actions of a person in Stripe's Dashboard: they have no API request and no idempotency key, but the same events."""

from __future__ import annotations

from devstack.stripe_simulator import intents, refunds, transfers
from devstack.stripe_simulator.state import Actor, Call, State
from devstack.stripe_simulator.wire import Json


def act(state: State, action: str, payment_intent: str, **params: object) -> Json:
    """Capture, cancel, refund, or reverse_transfer (all transfers of the charge); `params` are those of the endpoint.

    Raises:
        ValueError: for any other action.
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
    if action == "reverse_transfer":
        return _reverse(state, payment_intent, params)
    raise ValueError(f"the Dashboard does capture, cancel, refund and reverse_transfer, not {action}")


def _reverse(state: State, payment_intent: str, params: Json) -> Json:
    charge = state.intent(payment_intent)["latest_charge"]
    made = [id_ for id_, transfer in state.transfers.items() if transfer["source_transaction"] == charge]
    if not made:
        raise ValueError(f"nothing was transferred from {payment_intent}")
    return [transfers.reverse(state, Call(params, {"transfer": id_}, "")) for id_ in made][-1]
