"""Bad records: each is kept whole, reported, answered if possible, and delays no other record."""

import base64
import json
from typing import Any

import pytest

from devstack.saga_client import encoded, enveloped
from tests.support.acceptance import World, authorization, fresh

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

MIB = 1024 * 1024
UNANSWERABLE: dict[str, tuple[bytes | None, str]] = {
    "tombstone": (None, "EMPTY"),
    "nothing": (b"", "EMPTY"),
    "not JSON": (b"{not json", "NOT_JSON"),
    "not text": (b"\xff\xfe\x00", "NOT_JSON"),
    "number": (b"42", "NOT_AN_OBJECT"),
    "null": (b"null", "NOT_AN_OBJECT"),
    "array": (b"[1, 2]", "NOT_AN_OBJECT"),
    "array of commands": (encoded([enveloped("revert_payment", "c", {})]), "NOT_AN_OBJECT"),
    "no type": (encoded({"correlation_id": "c", "payload": {}}), "NO_TYPE"),
    "type is no string": (encoded({"type": 7, "correlation_id": "c", "payload": {}}), "NO_TYPE"),
    "no correlation id": (encoded({"type": "revert_payment", "payload": {}}), "NO_CORRELATION_ID"),
    "correlation id is empty": (encoded(enveloped("revert_payment", "", {})), "NO_CORRELATION_ID"),
    "correlation id is too long": (encoded(enveloped("revert_payment", "c" * 256, {})), "NO_CORRELATION_ID"),
    "correlation id is a number": (encoded({"type": "revert_payment", "correlation_id": 7}), "NO_CORRELATION_ID"),
    "nested too deep": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "TOO_DEEP"),
}

BAD_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"order_id": None}, "INVALID_PAYLOAD"),
    ({"customer_id": 7}, "INVALID_PAYLOAD"),
    ({"payment_method_id": ""}, "INVALID_PAYLOAD"),
    ({"currency": "dollars"}, "INVALID_PAYLOAD"),
    ({"currency": None}, "INVALID_PAYLOAD"),
    ({"return_url": "javascript:alert(1)"}, "INVALID_PAYLOAD"),
    ({"amount": 15.0}, "INVALID_AMOUNT"),
    ({"amount": "1500"}, "INVALID_AMOUNT"),
    ({"amount": True}, "INVALID_AMOUNT"),
    ({"amount": 0}, "INVALID_AMOUNT"),
    ({"amount": -5}, "INVALID_AMOUNT"),
    ({"amount": 1}, "INVALID_AMOUNT"),
    ({"amount": 100_000_000}, "INVALID_AMOUNT"),
]


def test_unanswerable_records_become_dead_letters_and_block_nothing(world: World) -> None:
    places = {name: world.put(value, partition=2) for name, (value, _) in UNANSWERABLE.items()}
    behind = world.send("authorize_payment", authorization(), partition=2)
    assert world.outcome(behind).status == "AUTHORIZED"
    letters = {name: world.letter(place) for name, place in places.items()}
    assert {name: letter["reason"] for name, letter in letters.items()} == {
        name: reason for name, (_, reason) in UNANSWERABLE.items()
    }
    for name, (value, _) in UNANSWERABLE.items():
        kept = letters[name]["value"]
        assert (None if kept is None else base64.b64decode(kept)) == value
        assert letters[name]["topic"] == world.topics.commands
    rows = world.sql("SELECT partition, \"offset\", reason FROM dead_letters WHERE state = 'open'")
    stored = {(row["partition"], row["offset"]): row["reason"] for row in rows}
    assert {name: stored[place] for name, place in places.items()} == {
        name: reason for name, (_, reason) in UNANSWERABLE.items()
    }


def test_dead_letter_contains_the_whole_record(world: World) -> None:
    place = world.put(b"?", partition=1, headers={"trace": b"\x00\xff", "empty": None})
    letter = world.letter(place)
    assert letter["headers"] == [["trace", base64.b64encode(b"\x00\xff").decode()], ["empty", None]]
    assert (letter["key"], letter["value"]) == (None, base64.b64encode(b"?").decode())


@pytest.mark.parametrize(
    ("kind", "extra"),
    [
        ("pay_me", {}),
        ("authorize_payment", {"note": "x" * (MIB + 1)}),
        ("authorize_payment", {"amount": "NaN"}),
        ("release_payment", {"runner_id": ["a", "list"]}),
    ],
    ids=["unknown type", "over 1 MiB", "no number", "wrong kind of field"],
)
def test_answerable_record_is_answered_once(world: World, kind: str, extra: dict[str, Any]) -> None:
    fields, correlation_id = {**authorization(), **extra}, fresh("saga")
    first = world.send(kind, fields, correlation_id=correlation_id, partition=0)
    world.send(kind, fields, correlation_id=correlation_id, partition=0)
    behind = world.send("authorize_payment", authorization(), partition=0)
    event = world.outcome(first)
    assert event.type == "payment.failed"
    assert event.error in {"INVALID_PAYLOAD", "INVALID_AMOUNT"}
    letter = world.letter(first.place)
    assert json.loads(base64.b64decode(letter["value"]))["correlation_id"] == correlation_id
    assert world.outcome(behind).status == "AUTHORIZED"
    assert world.outcome(first) == event, "the same again was not answered again"


def test_lone_surrogate_and_nul_are_answered(world: World) -> None:
    fields = authorization(description="a\x00b \ud800")
    sent = world.send("authorize_payment", fields)
    assert world.outcome(sent).error == "INVALID_PAYLOAD"
    assert world.letter(sent.place)["reason"] == "INVALID_PAYLOAD"


def test_unacceptable_command_is_answered(world: World) -> None:
    sent = [(world.send("authorize_payment", authorization(**bad)), error) for bad, error in BAD_FIELDS]
    for one, error in sent:
        event = world.outcome(one)
        assert (event.type, event.error, event.key) == ("payment.failed", error, one.correlation_id), one.payload
        assert {"ce_subject", "sequence"} & event.headers.keys() == set()
    assert world.outcome(world.send("release_payment", {"runner_id": "r"})).error == "INVALID_PAYLOAD"
