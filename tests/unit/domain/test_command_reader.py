"""All accepted shapes give one command; every other record gets its own clear answer."""

import json
from typing import Any
from uuid import UUID

import pytest

from service.domain.command_reader import read
from service.domain.commands.authorize import Authorize
from service.domain.commands.catalog import Command, content_of
from service.domain.commands.command import fingerprint
from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.domain.errors import ErrorCode
from service.domain.received_records import InvalidCommand, UnreadableMessage

PAYMENT = "0b54a3a5-6a3c-4a38-9b5a-1d8e9c4a7f10"
AUTHORIZE = {
    "order_id": "order-1",
    "customer_id": "user-1",
    "payment_method_id": "pm_card_visa",
    "amount": 1250,
    "currency": "SGD",
    "stripe_customer_id": "cus_1",
    "description": "Two teas",
    "return_url": "https://campus.example/return?order=1",
}
NESTED = {
    "order_id": "order-1",
    "customer": {
        "clerkUserId": "user-1",
        "stripeCustomerId": "cus_1",
        "userStripeCard": {"payment_method_id": "pm_card_visa"},
    },
    "order": {"amount": 1250, "description": "Two teas"},
    "return_url": "https://campus.example/return?order=1",
}
RELEASE = {"payment_id": PAYMENT, "runner_id": "runner-1", "runner_connect_account_id": "acct_1"}
REVERT = {"payment_id": PAYMENT, "reason": "kitchen closed"}

COMMANDS: dict[str, tuple[dict[str, Any], Command]] = {
    "authorize": (
        AUTHORIZE,
        Authorize(
            "c-1",
            "order-1",
            "user-1",
            "pm_card_visa",
            1250,
            "sgd",
            "cus_1",
            "Two teas",
            "https://campus.example/return?order=1",
        ),
    ),
    "release": (RELEASE, Release("c-1", UUID(PAYMENT), "runner-1", "acct_1")),
    "revert": (REVERT, Revert("c-1", UUID(PAYMENT), "kitchen closed")),
}
COMMANDS["nested authorize"] = (NESTED, COMMANDS["authorize"][1])


def envelope(kind: str, payload: Any, correlation_id: str = "c-1") -> Any:
    return {"type": kind, "correlation_id": correlation_id, "timestamp": "t", "source": "saga", "payload": payload}


def inner_id(kind: str, payload: Any, correlation_id: str = "c-1") -> Any:
    return {"type": kind, "payload": {**payload, "correlation_id": correlation_id}}


def both_ids(kind: str, payload: Any, correlation_id: str = "c-1") -> Any:
    return {"type": kind, "correlation_id": correlation_id, "payload": {**payload, "correlation_id": correlation_id}}


def flat(kind: str, payload: Any, correlation_id: str = "c-1") -> Any:
    return {"type": kind, "correlation_id": correlation_id, **payload}


SHAPES = [envelope, inner_id, both_ids, flat]


def sent(message: Any) -> Command | InvalidCommand | UnreadableMessage:
    return read(json.dumps(message).encode(), "sgd")


def invalid(message: Any) -> InvalidCommand:
    found = sent(message)
    assert isinstance(found, InvalidCommand), found
    return found


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", COMMANDS)
def test_all_shapes_give_the_same_command(name: str, shape: Any) -> None:
    payload, expected = COMMANDS[name]
    found = sent(shape(expected.type, payload))
    assert found == expected
    assert isinstance(found, Authorize | Release | Revert)
    assert fingerprint(content_of(found)) == fingerprint(content_of(expected))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", COMMANDS)
def test_json_in_a_json_string_is_decoded_once_more(name: str, shape: Any) -> None:
    payload, expected = COMMANDS[name]
    once = json.dumps(shape(expected.type, payload))
    assert read(json.dumps(once).encode(), "sgd") == expected
    thrice = read(json.dumps(json.dumps(once)).encode(), "sgd")
    assert isinstance(thrice, UnreadableMessage)
    assert thrice.reason == "NOT_AN_OBJECT"


def test_a_payload_that_is_a_json_string_is_decoded() -> None:
    assert sent(envelope("revert_payment", json.dumps(REVERT))) == COMMANDS["revert"][1]


def test_the_envelopes_correlation_id_wins() -> None:
    found = sent({"type": "revert_payment", "correlation_id": "outer", "payload": {**REVERT, "correlation_id": "in"}})
    assert isinstance(found, Revert)
    assert found.correlation_id == "outer"


@pytest.mark.parametrize("given", ["", 7, ["c"]])
def test_bad_correlation_id_is_not_replaced_by_the_payloads(given: Any) -> None:
    found = sent({"type": "revert_payment", "correlation_id": given, "payload": {**REVERT, "correlation_id": "in"}})
    assert isinstance(found, UnreadableMessage)
    assert found.reason == "NO_CORRELATION_ID"


def test_only_the_nested_form_may_omit_the_currency() -> None:
    nested = read(json.dumps(envelope("authorize_payment", NESTED)).encode(), "usd")
    assert isinstance(nested, Authorize)
    assert nested.currency == "usd"
    without = {name: value for name, value in AUTHORIZE.items() if name != "currency"}
    assert invalid(envelope("authorize_payment", without)).message == "currency is missing: send it"


@pytest.mark.parametrize("name", ["stripe_customer_id", "description", "return_url"])
@pytest.mark.parametrize("value", [None, "", "  "])
def test_null_and_empty_optional_fields_are_absent(name: str, value: Any) -> None:
    found = sent(flat("authorize_payment", {**AUTHORIZE, name: value}))
    assert isinstance(found, Authorize)
    assert getattr(found, name) is None


def test_unknown_fields_are_ignored() -> None:
    assert sent(envelope("revert_payment", {**REVERT, "priority": {"level": [1, 2]}})) == COMMANDS["revert"][1]


REQUIRED = [
    *(("authorize_payment", AUTHORIZE, name) for name in list(AUTHORIZE)[:5]),
    *(("release_payment", RELEASE, name) for name in RELEASE),
    ("revert_payment", REVERT, "payment_id"),
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("kind", "payload", "name"), REQUIRED)
def test_a_missing_field_is_named(kind: str, payload: dict[str, Any], name: str, shape: Any) -> None:
    for given in ({k: v for k, v in payload.items() if k != name}, {**payload, name: None}):
        found = invalid(shape(kind, given))
        assert (found.error, found.message) == (ErrorCode.INVALID_PAYLOAD, f"{name} is missing: send it")
        assert (found.correlation_id, found.command_type) == ("c-1", kind)


@pytest.mark.parametrize("value", [7, True, "", " ", ["x"], {"a": 1}, "x" * 256, "nul\0", "half\ud800"])
@pytest.mark.parametrize(("kind", "payload", "name"), [row for row in REQUIRED if row[2] not in {"amount", "currency"}])
def test_an_id_must_be_a_bounded_string(kind: str, payload: dict[str, Any], name: str, value: Any) -> None:
    found = invalid(envelope(kind, {**payload, name: value}))
    assert found.error is ErrorCode.INVALID_PAYLOAD
    assert name in found.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("currency", "xxx"),
        ("currency", 702),
        ("currency", "sgd "),
        ("description", "x" * 1001),
        ("description", 5),
        ("return_url", "campus://back"),
        ("return_url", "javascript:alert(1)"),
        ("return_url", "https://"),
        ("return_url", "https://x.example/a b"),
        ("return_url", f"https://x.example/{'a' * 2048}"),
        ("stripe_customer_id", ["cus_1"]),
    ],
)
def test_bad_optional_and_typed_fields_of_authorize(name: str, value: Any) -> None:
    found = invalid(envelope("authorize_payment", {**AUTHORIZE, name: value}))
    assert found.error is ErrorCode.INVALID_PAYLOAD
    assert found.message.startswith(name)
    assert found.order_id == "order-1"


AMOUNTS = [
    "10.0",
    "1e3",
    "1e999",
    "NaN",
    "-Infinity",
    '"1250"',
    "true",
    "[]",
    "{}",
    "0",
    "-5",
    "49",
    "1" * 9,
    "9" * 5000,
]


@pytest.mark.parametrize("literal", AMOUNTS)
def test_bad_amount_is_refused(literal: str) -> None:
    text = json.dumps(flat("authorize_payment", {**AUTHORIZE, "amount": "@"})).replace('"@"', literal)
    found = read(text.encode(), "sgd")
    assert isinstance(found, InvalidCommand)
    assert found.error is ErrorCode.INVALID_AMOUNT


def test_true_is_not_accepted_as_an_amount() -> None:
    assert isinstance(sent(flat("authorize_payment", {**AUTHORIZE, "currency": "idr", "amount": 1})), Authorize)
    found = invalid(flat("authorize_payment", {**AUTHORIZE, "currency": "idr", "amount": True}))
    assert found.error is ErrorCode.INVALID_AMOUNT


@pytest.mark.parametrize("literal", ["NaN", "1e999", "9" * 5000])
def test_number_is_not_accepted_as_text(literal: str) -> None:
    text = json.dumps(flat("authorize_payment", {**AUTHORIZE, "description": "@"})).replace('"@"', literal)
    found = read(text.encode(), "sgd")
    assert isinstance(found, InvalidCommand)
    assert found.fingerprint == fingerprint({**AUTHORIZE, "description": literal})


def test_amount_rules_follow_the_currency() -> None:
    assert isinstance(sent(flat("authorize_payment", {**AUTHORIZE, "currency": "jpy", "amount": 50})), Authorize)
    three = invalid(flat("authorize_payment", {**AUTHORIZE, "currency": "kwd", "amount": 1251}))
    assert three.error is ErrorCode.INVALID_AMOUNT


def test_answer_lists_all_faults_with_the_most_severe_code() -> None:
    found = invalid(envelope("release_payment", {"payment_id": "p-1", "runner_id": 5}))
    assert found.error is ErrorCode.INVALID_PAYLOAD
    assert "runner_id" in found.message
    assert "runner_connect_account_id" in found.message
    assert found.payment_id == "p-1"


@pytest.mark.parametrize("given", ["p-1", f"{{{PAYMENT}}}", PAYMENT.replace("-", ""), f"urn:uuid:{PAYMENT}"])
def test_malformed_payment_id_is_answered_as_not_found(given: str) -> None:
    found = invalid(envelope("revert_payment", {"payment_id": given}))
    assert (found.error, found.payment_id) == (ErrorCode.PAYMENT_NOT_FOUND, given)


@pytest.mark.parametrize("payload", ["free text", 5, [REVERT], True])
def test_payload_that_is_not_an_object_is_answered(payload: Any) -> None:
    found = invalid(envelope("revert_payment", payload))
    assert (found.error, found.message) == (ErrorCode.INVALID_PAYLOAD, "payload must be a JSON object")


@pytest.mark.parametrize("kind", ["cancel_hold", "AUTHORIZE_PAYMENT", "refund", "x" * 255])
def test_an_unknown_type_is_answered(kind: str) -> None:
    found = invalid(envelope(kind, REVERT))
    assert (found.error, found.command_type) == (ErrorCode.INVALID_PAYLOAD, kind)


def test_the_same_invalid_content_has_one_fingerprint_in_every_shape() -> None:
    assert len({invalid(shape("revert_payment", {"reason": "x"})).fingerprint for shape in SHAPES}) == 1
