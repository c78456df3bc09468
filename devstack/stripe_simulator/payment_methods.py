"""PaymentMethods: Stripe turns a test id such as `pm_card_visa` into a fresh one on each use."""

from __future__ import annotations

from devstack.stripe_simulator.cards import TEST_CARDS
from devstack.stripe_simulator.charges import card_details
from devstack.stripe_simulator.state import Call, State, found
from devstack.stripe_simulator.wire import Json


def resolve(state: State, given: str) -> str:
    """The id to keep for the id given.

    Raises:
        RefusedError: `resource_missing`: neither a test card nor one made here before.
    """
    if (card := TEST_CARDS.get(given)) is None:
        return str(found(state.payment_methods, given, "PaymentMethod", "payment_method")["id"])
    id_ = state.new_id("pm_1")
    state.cards[id_] = card
    state.payment_methods[id_] = {
        "id": id_,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {"address": None, "email": None, "name": None, "phone": None, "tax_id": None},
        "card": card_details(card),
        "created": state.clock.stamp(),
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }
    return id_


def retrieve(state: State, call: Call) -> Json:
    """GET /v1/payment_methods/:payment_method"""
    id_ = call.path["payment_method"]
    return found(state.payment_methods, id_, "PaymentMethod", "payment_method", status=404)
