"""Faults, the calls that they apply to, and their effects."""

from typing import Any

import pytest

from devstack.stripe_simulator.faults import Fault, Kind
from devstack.stripe_simulator.traffic import Traffic
from tests.unit.stripe_simulator.conftest import Api


def _create(api: Api, key: str = "k", **params: Any) -> tuple[int, bool]:
    reply = api.send("POST", "payment_intents", api.authorization(**params), idempotency_key=key)
    return reply.status, reply.drop


@pytest.mark.parametrize(
    ("kind", "status", "dropped", "effects_before_retry"),
    [
        (Kind.DROP_BEFORE, 500, True, 0),
        (Kind.DROP_AFTER, 200, True, 1),
        (Kind.RATE_LIMIT, 429, False, 0),
        (Kind.LOCK_TIMEOUT, 429, False, 0),
        (Kind.CONFLICT, 409, False, 0),
    ],
)
def test_a_retry_with_the_same_key_ends_in_one_effect(
    api: Api, kind: Kind, status: int, dropped: bool, effects_before_retry: int
) -> None:
    api.simulator.faults.add(Fault(kind, "payment_intents.create"))
    assert _create(api) == (status, dropped)
    assert len(api.effects()) == effects_before_retry
    assert _create(api) == (200, False)
    assert api.effects() == [("hold", 2000)]


def test_429_and_409_have_retry_headers(api: Api) -> None:
    for kind in (Kind.RATE_LIMIT, Kind.LOCK_TIMEOUT, Kind.CONFLICT):
        api.simulator.faults.add(Fault(kind, retry_after=2.0))
    replies = [api.send("POST", "customers") for _ in range(3)]
    assert [reply.headers.get("Retry-After") for reply in replies] == ["2", "2", None]
    assert [reply.headers.get("Stripe-Should-Retry") for reply in replies] == [None, "true", "true"]
    assert [reply.headers.get("Stripe-Rate-Limited-Reason") for reply in replies][:1] == ["global-rate"]


def test_fault_applies_only_to_matching_calls(api: Api) -> None:
    api.simulator.faults.add(Fault(Kind.RATE_LIMIT, "payment_intents.*", {"order": "7"}, skip=1, times=2))
    assert [_create(api, f"other{n}", **{"metadata[order]": "8"})[0] for n in range(3)] == [200, 200, 200]
    statuses = [_create(api, f"k{n}", **{"metadata[order]": "7"})[0] for n in range(5)]
    assert statuses == [200, 429, 429, 200, 200]
    assert api.simulator.faults.listing()[0]["hits"] == 2


def test_fault_can_be_selected_by_the_metadata_of_the_intent(api: Api) -> None:
    intent = api.authorize(**{"metadata[order]": "7"})
    api.simulator.faults.add(Fault(Kind.RATE_LIMIT, "*", {"order": "7"}, times=None))
    api.refused(429, f"payment_intents/{intent['id']}/capture")
    api.simulator.faults.clear()
    api.post(f"payment_intents/{intent['id']}/capture")
    api.simulator.faults.add(Fault(Kind.RATE_LIMIT, "transfers.create", {"order": "7"}))
    params = {"currency": "sgd", "destination": "acct_x", "source_transaction": intent["latest_charge"]}
    api.refused(429, "transfers", params)


def test_random_faults_repeat_with_the_seed() -> None:
    def hits() -> list[int]:
        api = Api()
        api.simulator.faults.add(Fault(Kind.RATE_LIMIT, probability=0.5, times=None))
        return [api.send("GET", "balance").status for _ in range(30)]

    assert hits() == hits()
    assert {200, 429} == set(hits())


def test_refusal_has_the_configured_error(api: Api) -> None:
    api.simulator.faults.add(Fault(Kind.REFUSE, "payment_intents.create", code="balance_insufficient", message="No."))
    error = api.refused(400, "payment_intents", api.authorization(), idempotency_key="k")
    assert (error["code"], error["message"]) == ("balance_insufficient", "No.")
    assert api.refused(400, "payment_intents", api.authorization(), idempotency_key="k") == error


def test_replayed_answer_can_be_dropped_but_not_changed(api: Api) -> None:
    _create(api)
    api.simulator.faults.add(Fault(Kind.ERROR_BEFORE, "payment_intents.create"))
    api.simulator.faults.add(Fault(Kind.DROP_AFTER, "payment_intents.create"))
    assert _create(api) == (200, True)
    assert _create(api) == (200, False)


def test_latencies_add_up(api: Api) -> None:
    api.simulator.gate.shape(Traffic(latency_before=0.2, latency_after=0.1))
    api.simulator.faults.add(Fault(Kind.LATENCY_BEFORE, seconds=1.0))
    api.simulator.faults.add(Fault(Kind.LATENCY_AFTER, seconds=2.0))
    api.simulator.faults.add(Fault(Kind.RATE_LIMIT))
    ticket = api.simulator.begin(api.request("GET", "balance"))
    assert ticket.latency_before == pytest.approx(1.2)
    assert ticket.latency_after == pytest.approx(2.1)
    api.simulator.execute(ticket)
    assert api.simulator.finish(ticket).status == 429


def test_the_rate_limit_refills_with_time(api: Api) -> None:
    api.simulator.gate.shape(Traffic(rate_limit=2))
    statuses = [api.send("GET", "balance").status for _ in range(3)]
    api.ticks[0] += 0.5
    statuses += [api.send("GET", "balance").status for _ in range(2)]
    assert statuses == [200, 200, 429, 200, 429]


def test_one_change_of_an_intent_at_a_time(api: Api) -> None:
    intent = api.authorize()
    capture = api.request("POST", f"payment_intents/{intent['id']}/capture")
    ticket = api.simulator.begin(capture)
    error = api.refused(429, f"payment_intents/{intent['id']}/cancel")
    assert error["code"] == "lock_timeout"
    assert api.get(f"payment_intents/{intent['id']}")["status"] == "requires_capture"
    api.simulator.execute(ticket)
    api.simulator.finish(ticket)
    assert api.refused(400, f"payment_intents/{intent['id']}/cancel")["code"] == "payment_intent_unexpected_state"


def test_reset_clears_all_state(api: Api) -> None:
    under_way = api.simulator.begin(api.request("POST", "payment_intents", api.authorization(), idempotency_key="k"))
    api.simulator.faults.add(Fault(Kind.RATE_LIMIT, times=None))
    api.simulator.reset()
    api.simulator.execute(under_way)
    assert api.simulator.finish(under_way).status == 200
    assert api.simulator.log.counts() == {}
    assert api.send("GET", "balance").status == 200
