"""The end of a 3-D Secure challenge, from any cause."""

from __future__ import annotations

from urllib.parse import urlencode

from devstack.stripe_simulator import attempts
from devstack.stripe_simulator.errors import RefusedError
from devstack.stripe_simulator.intent_states import Action, require
from devstack.stripe_simulator.state import Actor, State
from devstack.stripe_simulator.wire import Json


def finish(state: State, intent: Json, *, succeeded: bool) -> str | None:
    """Complete or fail it. Returns where the customer goes next, None without a return_url.

    Raises:
        RefusedError: the intent awaits no authentication.
    """
    require(Action.AUTHENTICATE, intent)
    return_url = (intent["next_action"].get("redirect_to_url") or {}).get("return_url")
    state.actor = Actor("customer")
    try:
        attempts.authenticate(state, intent, succeeded=succeeded)
    except RefusedError as refusal:
        # A decline after the challenge has no API caller, so only a webhook reports it.
        if refusal.status != 402:
            raise
    if return_url is None:
        return None
    query = urlencode(
        {
            "payment_intent": intent["id"],
            "payment_intent_client_secret": intent["client_secret"],
            "redirect_status": "succeeded" if succeeded else "failed",
        }
    )
    return f"{return_url}{'&' if '?' in return_url else '?'}{query}"
