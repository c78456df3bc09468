"""Answers are stored under idempotency keys, replayed, and forgotten after a day."""

import json

from devstack.stripe_simulator.clock import DAY
from devstack.stripe_simulator.faults import Fault, Kind
from tests.unit.stripe_simulator.conftest import Api


def test_repeated_key_returns_the_first_answer(api: Api) -> None:
    first = api.send("POST", "payment_intents", api.authorization(), idempotency_key="k")
    again = api.send("POST", "payment_intents", api.authorization(), idempotency_key="k")
    assert again.body == first.body
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Original-Request"] == first.headers["Request-Id"] != again.headers["Request-Id"]
    assert "Idempotent-Replayed" not in first.headers
    assert api.effects() == [("hold", 2000)]
    assert api.types().count("payment_intent.created") == 1


def test_replayed_answer_shows_the_old_state(api: Api) -> None:
    intent = api.post("payment_intents", api.authorization(), idempotency_key="k")
    api.post(f"payment_intents/{intent['id']}/capture")
    assert api.post("payment_intents", api.authorization(), idempotency_key="k")["status"] == "requires_capture"


def test_order_of_parameters_does_not_matter(api: Api) -> None:
    api.post("payment_intents", {"amount": 2000, "currency": "sgd"}, idempotency_key="k")
    api.post("payment_intents", {"currency": "sgd", "amount": 2000}, idempotency_key="k")
    assert len(api.simulator.state.payment_intents) == 1


def test_repeated_key_with_another_request_is_refused(api: Api) -> None:
    intent = api.post("payment_intents", api.authorization(), idempotency_key="k")
    error = api.refused(400, "payment_intents", api.authorization(amount=2001), idempotency_key="k")
    assert error["type"] == "idempotency_error"
    path = f"payment_intents/{intent['id']}/capture"
    assert api.refused(400, path, idempotency_key="k")["type"] == "idempotency_error"


def test_a_key_in_use_is_a_conflict(api: Api) -> None:
    ticket = api.simulator.begin(api.request("POST", "payment_intents", api.authorization(), idempotency_key="k"))
    error = api.refused(409, "payment_intents", api.authorization(), idempotency_key="k")
    assert error["code"] == "idempotency_key_in_use"
    api.simulator.execute(ticket)
    assert api.refused(409, "payment_intents", api.authorization(), idempotency_key="k")["code"] == error["code"]
    api.simulator.finish(ticket)
    assert api.post("payment_intents", api.authorization(), idempotency_key="k")["status"] == "requires_capture"
    assert api.effects() == [("hold", 2000)]


def test_declined_answer_is_stored_under_its_key(api: Api) -> None:
    declined = api.authorization("pm_card_visa_chargeDeclined")
    first = api.send("POST", "payment_intents", declined, idempotency_key="k")
    again = api.send("POST", "payment_intents", declined, idempotency_key="k")
    assert (first.status, again.status, again.headers["Idempotent-Replayed"]) == (402, 402, "true")
    assert len(api.simulator.state.payment_intents) == 1


def test_validation_error_is_not_stored_under_its_key(api: Api) -> None:
    for bad in ({"amount": "x", "currency": "sgd"}, {"amount": -5, "currency": "sgd"}, {"nope": 1}):
        api.refused(400, "payment_intents", bad, idempotency_key="k")
    assert api.post("payment_intents", api.authorization(), idempotency_key="k")["status"] == "requires_capture"


def test_a_500_is_stored_with_and_without_effect(api: Api) -> None:
    for kind, effects in ((Kind.ERROR_BEFORE, 0), (Kind.ERROR_AFTER, 1)):
        api.simulator.faults.add(Fault(kind, "payment_intents.create"))
        for _ in range(3):
            api.refused(500, "payment_intents", api.authorization(), idempotency_key=kind)
        assert len(api.effects()) == effects
    assert api.post("payment_intents", api.authorization(), idempotency_key="new")["status"] == "requires_capture"


def test_keys_are_forgotten_after_a_day(api: Api) -> None:
    first = api.post("payment_intents", api.authorization(), idempotency_key="k")
    api.simulator.advance(DAY - 1)
    assert api.post("payment_intents", api.authorization(), idempotency_key="k")["id"] == first["id"]
    api.simulator.advance(1)
    assert api.post("payment_intents", api.authorization(), idempotency_key="k")["id"] != first["id"]


def test_reads_ignore_keys_and_long_keys_are_refused(api: Api) -> None:
    assert "Idempotency-Key" not in api.send("GET", "balance", idempotency_key="k").headers
    assert api.refused(400, "customers", idempotency_key="k" * 256)["type"] == "idempotency_error"


def test_request_log_has_keys_and_replays(api: Api) -> None:
    api.post("customers", idempotency_key="k")
    api.post("customers", idempotency_key="k")
    log = api.simulator.log
    assert log.counts() == {"customers.create": 2}
    assert [(entry["idempotency_key"], entry["replayed"]) for entry in log.entries()] == [("k", False), ("k", True)]
    assert json.dumps(log.entries("customers.create"))
