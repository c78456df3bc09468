"""Reviews: Radar, or a person in the Dashboard, asks for a review of a payment ("Reviews"). They move no money."""

from __future__ import annotations

from devstack.stripe_simulator.errors import RefusedError
from devstack.stripe_simulator.state import Actor, Call, State, found
from devstack.stripe_simulator.wire import Json

_BY = {"rule": "stripe", "manual": "dashboard"}


def open_(state: State, charge_id: str, *, reason: str = "rule") -> Json:
    """Open a review of a charge, by a Radar `rule`, or `manual`: by a person."""
    state.actor = Actor(_BY[reason])
    charge = found(state.charges, charge_id, "charge", "charge")
    review: Json = {
        "id": state.new_id("prv_1"),
        "object": "review",
        "billing_zip": None,
        "charge": charge_id,
        "closed_reason": None,
        "created": state.clock.stamp(),
        "ip_address": None,
        "ip_address_location": None,
        "livemode": False,
        "open": True,
        "opened_reason": reason,
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "session": None,
    }
    state.reviews[review["id"]] = review
    charge["review"] = state.payment_intents[charge["payment_intent"]]["review"] = review["id"]
    state.emit("review.opened", review)
    return review


def close(state: State, id_: str, *, reason: str = "approved") -> Json:
    """A person decides: `approved`, `refunded`, `refunded_as_fraud`, `disputed` … The refund is a separate call."""
    state.actor = Actor("dashboard")
    review = found(state.reviews, id_, "review", "review")
    if not review["open"]:
        raise RefusedError(f"Review {id_} is already closed.")
    review |= {"open": False, "reason": reason, "closed_reason": reason}
    state.emit("review.closed", review)
    return review


def retrieve(state: State, call: Call) -> Json:
    """GET /v1/reviews/:review"""
    return found(state.reviews, call.path["review"], "review", "review", status=404)
