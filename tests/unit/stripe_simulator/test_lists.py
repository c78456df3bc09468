"""Lists, pages and search."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.stripe_simulator.conftest import Api


def _intents(api: Api, count: int) -> list[str]:
    """The ids of intents, newest first, with a minute between them."""
    ids: list[str] = []
    for number in range(count):
        intent = api.authorize(customer=f"cus_{number % 2}", **{"metadata[number]": str(number)})
        ids.insert(0, intent["id"])
        api.simulator.clock.advance(60)
    return ids


def _ids(answer: dict[str, Any]) -> list[str]:
    return [row["id"] for row in answer["data"]]


def test_pages_follow_each_other(api: Api) -> None:
    ids = _intents(api, 5)
    first = api.get("payment_intents", {"limit": 2})
    assert (_ids(first), first["has_more"]) == (ids[:2], True)
    second = api.get("payment_intents", {"limit": 3, "starting_after": ids[1]})
    assert (_ids(second), second["has_more"]) == (ids[2:], False)
    back = api.get("payment_intents", {"limit": 2, "ending_before": ids[3]})
    assert (_ids(back), back["has_more"]) == (ids[1:3], True)


def test_lists_are_filtered(api: Api) -> None:
    ids = _intents(api, 4)
    created = api.get(f"payment_intents/{ids[1]}")["created"]
    assert _ids(api.get("payment_intents", {"created[gte]": created})) == ids[:2]
    assert _ids(api.get("payment_intents", {"created[gt]": created})) == ids[:1]
    assert _ids(api.get("payment_intents", {"created": created})) == [ids[1]]
    assert _ids(api.get("payment_intents", {"customer": "cus_0"})) == [ids[1], ids[3]]
    charge = api.get(f"payment_intents/{ids[0]}")["latest_charge"]
    assert _ids(api.get("charges", {"payment_intent": ids[0]})) == [charge]
    api.post(f"payment_intents/{ids[0]}/capture")
    refund = api.post("refunds", {"payment_intent": ids[0]})
    assert _ids(api.get("refunds", {"payment_intent": ids[0]})) == [refund["id"]]
    assert _ids(api.get("refunds", {"charge": "ch_other"})) == []


def test_events_are_listed_by_type(api: Api) -> None:
    api.captured()
    types = ["payment_intent.succeeded", "charge.captured"]
    listed = api.get("events", {"types[0]": types[0], "types[1]": types[1]})["data"]
    assert [event["type"] for event in listed] == types
    assert len(api.get("events", {"type": "charge.captured"})["data"]) == 1


@pytest.mark.parametrize(
    ("params", "param"),
    [({"limit": 0}, "limit"), ({"limit": 101}, "limit"), ({"starting_after": "pi_no"}, "starting_after")],
)
def test_invalid_paging_parameter_is_refused(api: Api, params: dict[str, Any], param: str) -> None:
    reply = api.send("GET", "payment_intents", params)
    assert reply.status == 400
    assert f'"param": "{param}"' in reply.body.decode()


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("metadata['number']:'2'", {2}),
        ('metadata["number"]:"2"', {2}),
        ("-metadata['number']:'2'", {0, 1, 3}),
        ("customer:'cus_1' AND metadata['number']:'3'", {3}),
        ("metadata['number']:'0' OR metadata['number']:'1'", {0, 1}),
        ("status:'requires_capture' AND amount>1999", {0, 1, 2, 3}),
        ("status:'succeeded'", set()),
        ("currency~'SG'", {0, 1, 2, 3}),
        ("metadata['absent']:null", {0, 1, 2, 3}),
        ("-metadata['number']:null", {0, 1, 2, 3}),
    ],
)
def test_search_finds_matching_intents(api: Api, query: str, numbers: set[int]) -> None:
    _intents(api, 4)
    found = api.get("payment_intents/search", {"query": query})["data"]
    assert {int(intent["metadata"]["number"]) for intent in found} == numbers


def test_search_results_are_paged(api: Api) -> None:
    ids = _intents(api, 3)
    params = {"query": "amount:2000", "limit": 2}
    first = api.get("payment_intents/search", params)
    second = api.get("payment_intents/search", {**params, "page": first["next_page"]})
    assert _ids(first) + _ids(second) == ids
    assert (first["has_more"], second["has_more"], second["next_page"]) == (True, False, None)


@pytest.mark.parametrize(
    "query", ["", "nonsense", "foo:'1'", "amount:'x'", "status:x", "status:'a' AND amount:1 OR amount:2"]
)
def test_unreadable_search_query_is_refused(api: Api, query: str) -> None:
    assert api.send("GET", "payment_intents/search", {"query": query}).status == 400


def test_search_finds_new_intents_after_a_delay(api: Api) -> None:
    state = api.simulator.state
    api.simulator.set_options(replace(state.options, search_lag=30.0))
    intent = api.authorize()
    assert _ids(api.get("payment_intents/search", {"query": "amount:2000"})) == []
    assert _ids(api.get("payment_intents")) == [intent["id"]]
    api.simulator.advance(30)
    assert _ids(api.get("payment_intents/search", {"query": "amount:2000"})) == [intent["id"]]
