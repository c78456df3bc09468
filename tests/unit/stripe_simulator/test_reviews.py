"""Reviews, in which a person examines a payment. A review moves no money."""

import pytest

from devstack.stripe_simulator import reviews
from devstack.stripe_simulator.errors import RefusedError
from tests.unit.stripe_simulator.conftest import Api


def test_opened_review_sends_an_event(api: Api) -> None:
    intent = api.authorize()
    review = reviews.open_(api.simulator.state, intent["latest_charge"])
    assert (review["open"], review["reason"], review["opened_reason"]) == (True, "rule", "rule")
    assert (review["charge"], review["payment_intent"]) == (intent["latest_charge"], intent["id"])
    assert api.events[-1] == ("review.opened", api.events[-1][1])
    assert api.events[-1][1]["data"]["object"] == review
    assert api.get(f"reviews/{review['id']}") == review
    assert [row["id"] for row in api.get("reviews")["data"]] == [review["id"]]


def test_charge_and_intent_name_their_review(api: Api) -> None:
    intent = api.authorize()
    review = reviews.open_(api.simulator.state, intent["latest_charge"], reason="manual")
    found = api.get(f"payment_intents/{intent['id']}", {"expand[0]": "latest_charge", "expand[1]": "review"})
    assert (found["review"]["id"], found["latest_charge"]["review"]) == (review["id"], review["id"])


def test_review_is_closed_once_and_sends_an_event(api: Api) -> None:
    state = api.simulator.state
    review = reviews.open_(state, api.captured()["latest_charge"])
    closed = reviews.close(state, review["id"], reason="refunded_as_fraud")
    assert (closed["open"], closed["reason"], closed["closed_reason"]) == (
        False,
        "refunded_as_fraud",
        "refunded_as_fraud",
    )
    assert api.types()[-1] == "review.closed"
    with pytest.raises(RefusedError, match="already closed"):
        reviews.close(state, review["id"])


def test_a_review_moves_no_money(api: Api) -> None:
    reviews.open_(api.simulator.state, api.authorize()["latest_charge"])
    assert api.effects() == [("hold", 2000)]
