"""No bytes raise an error: each message becomes a command, an answer or a dead letter."""

import json
import re
import time
from typing import Any

import pytest
from hypothesis import example, given, seed, settings
from hypothesis import strategies as st

from service.domain.command_json import MAX_BYTES, MAX_DEPTH, MAX_VALUES
from service.domain.command_reader import read
from service.domain.command_skim import READABLE_BYTES
from service.domain.commands.authorize import Authorize
from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.domain.errors import ErrorCode
from service.domain.money import MINIMUM, THREE_DECIMAL
from service.domain.received_records import InvalidCommand, UnreadableMessage
from tests.unit.domain.test_command_reader import REVERT, SHAPES, envelope, flat

REASONS: list[tuple[bytes | None, str]] = [
    (None, "EMPTY"),
    (b"", "EMPTY"),
    (b" \n", "EMPTY"),
    (b"\xff\xfe{}", "NOT_JSON"),
    (b'{"type": "\xed\xa0\x80"}', "NOT_JSON"),
    (b"{'type': 'x'}", "NOT_JSON"),
    (b'{"type": "a\x00b"}', "NOT_JSON"),
    (b"{", "NOT_JSON"),
    (b'"plain text"', "NOT_JSON"),
    (b"[]", "NOT_AN_OBJECT"),
    (b"5", "NOT_AN_OBJECT"),
    (b"null", "NOT_AN_OBJECT"),
    (b"NaN", "NOT_AN_OBJECT"),
    (b"9" * 5000, "NOT_AN_OBJECT"),
    (b"[" * 100_000, "TOO_DEEP"),
    (b"{}", "NO_TYPE"),
    (b'{"correlation_id": "c"}', "NO_TYPE"),
    (b'{"type": 5, "correlation_id": "c"}', "NO_TYPE"),
    (b'{"type": "", "correlation_id": "c"}', "NO_TYPE"),
    (json.dumps({"type": "x" * 256, "correlation_id": "c"}).encode(), "NO_TYPE"),
    (b'{"type": "revert_payment\\u0000", "correlation_id": "c"}', "NO_TYPE"),
    (b'{"type": "revert_payment"}', "NO_CORRELATION_ID"),
    (b'{"type": "revert_payment", "payload": {}}', "NO_CORRELATION_ID"),
    (b'{"type": "revert_payment", "correlation_id": 7}', "NO_CORRELATION_ID"),
    (b'{"type": "revert_payment", "correlation_id": ""}', "NO_CORRELATION_ID"),
    (b'{"type": "revert_payment", "correlation_id": "\\ud800"}', "NO_CORRELATION_ID"),
    (b'{"type": "revert_payment", "correlation_id": "a\\u0000"}', "NO_CORRELATION_ID"),
    (json.dumps({"type": "revert_payment", "correlation_id": "c" * 256}).encode(), "NO_CORRELATION_ID"),
    (b'{"type": "revert_payment", "correlation_id": "a", "correlation_id": "b"}', "AMBIGUOUS"),
    (b'{"type": "a", "type": "b", "correlation_id": "c"}', "AMBIGUOUS"),
    (b'{"type": "a", "payload": {"correlation_id": "a", "correlation_id": "b"}}', "AMBIGUOUS"),
    (b'{"type": "a", "payload": {"correlation_id": "a"}, "payload": {"correlation_id": "b"}}', "AMBIGUOUS"),
    (b" " * (READABLE_BYTES + 1), "TOO_LARGE"),
    (b" " * (MAX_BYTES + 1), "TOO_LARGE"),
    (b"," * (MAX_VALUES + 1), "TOO_LARGE"),
    (b"[" + b"[" * 60 + b"0," * MAX_VALUES, "TOO_LARGE"),
    (
        b'{"type": "revert_payment", "payload": {"a": {"correlation_id": "inner"}}, "x": "' + b"y" * MAX_BYTES,
        "TOO_LARGE",
    ),
    (b'{"type": {}, "correlation_id": "c", "x": "' + b"y" * MAX_BYTES + b'"}', "TOO_LARGE"),
    (b'["type", "a", "correlation_id", "b", "' + b"y" * MAX_BYTES + b'"]', "TOO_LARGE"),
    (b'{"type": "a", "correlation_id": "c", "type": "b", "x": "' + b"y" * MAX_BYTES + b'"}', "AMBIGUOUS"),
    (b'{"a": ' * MAX_VALUES + b"1" + b"}" * MAX_VALUES, "TOO_DEEP"),
]


@pytest.mark.parametrize(("value", "reason"), REASONS, ids=range(len(REASONS)))
def test_unreadable_message_has_a_reason(value: bytes | None, reason: str) -> None:
    found = read(value, "sgd")
    assert isinstance(found, UnreadableMessage)
    assert found.reason == reason
    assert found.detail


def answered(value: bytes) -> InvalidCommand:
    found = read(value, "sgd")
    assert isinstance(found, InvalidCommand), found
    assert found.error is ErrorCode.INVALID_PAYLOAD
    assert_storable(found)
    return found


def assert_storable(found: InvalidCommand) -> None:
    """Check that PostgreSQL's text and jsonb can store the content."""
    assert len(found.fingerprint) == 32
    text = json.dumps([found.message, found.order_id, found.payment_id], allow_nan=False)
    assert not re.search(r"(?<!\\)(\\\\)*\\u(0000|d[89a-f])", re.sub(r"\\ud[89ab]..\\ud[c-f]..", "", text))
    assert len(found.message) < 2000


def test_byte_order_mark_is_skipped() -> None:
    assert isinstance(read(b"\xef\xbb\xbf" + json.dumps(flat("revert_payment", REVERT)).encode(), "sgd"), Revert)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("extra", [{"note": "a\0b"}, {"note": ["x", {"y": "\udcff"}]}, {"a\0": 1}, {"\ud800": 1}])
def test_text_that_postgresql_cannot_store_is_answered(shape: Any, extra: dict[str, Any]) -> None:
    answered(json.dumps(shape("revert_payment", {**REVERT, **extra})).encode())


@pytest.mark.parametrize("shape", SHAPES)
def test_repeated_field_is_answered(shape: Any) -> None:
    text = json.dumps(shape("revert_payment", REVERT)).replace('"reason"', '"reason": "other", "reason"')
    assert "reason more than once" in answered(text.encode()).message


def test_deep_nesting_is_refused() -> None:
    def nested(levels: int) -> bytes:
        text = json.dumps(envelope("revert_payment", {**REVERT, "deep": "@"}))
        return text.replace('"@"', "[" * levels + "]" * levels).encode()

    assert isinstance(read(nested(MAX_DEPTH - 2), "sgd"), Revert)
    assert "nested deeper" in answered(nested(MAX_DEPTH)).message
    assert "nested deeper" in answered(nested(400)).message


def test_message_over_one_mebibyte_is_answered_if_its_id_is_found() -> None:
    def padded(size: int) -> bytes:
        text = json.dumps(envelope("revert_payment", REVERT))
        return (text + " " * (size - len(text))).encode()

    assert isinstance(read(padded(MAX_BYTES), "sgd"), Revert)
    found = answered(padded(MAX_BYTES + 1))
    assert "send at most 1048576" in found.message
    assert found.fingerprint != answered(padded(MAX_BYTES + 2)).fingerprint


LARGE = {"note": "x" * MAX_BYTES}
CROWDED = {"items": [{}] * MAX_VALUES, "note": ['"', "\\", {"correlation_id": "another", "type": "x"}]}


@pytest.mark.parametrize("extra", [LARGE, CROWDED], ids=["bytes", "values"])
@pytest.mark.parametrize("shape", SHAPES)
def test_type_and_id_are_found_in_an_excessive_message(shape: Any, extra: dict[str, Any]) -> None:
    found = answered(json.dumps(shape("revert_payment", {**extra, **REVERT}, "c-1")).encode())
    assert (found.command_type, found.correlation_id) == ("revert_payment", "c-1")


def test_separators_in_strings_do_not_count_as_values() -> None:
    text = json.dumps(envelope("revert_payment", {**REVERT, "note": ',[{\\"' * MAX_VALUES}))
    assert isinstance(read(text.encode(), "sgd"), Revert)


@pytest.mark.parametrize(
    "value",
    [b'"' * READABLE_BYTES, b'{"' + b'\\"' * (READABLE_BYTES // 2 - 1), b'["' + b'",' * 500_000, b"[" * READABLE_BYTES],
    ids=["quotes", "one string without end", "many strings", "brackets"],
)
def test_reading_time_is_linear(value: bytes) -> None:
    """A search that began again at each quote would take hours."""
    before = time.process_time()
    assert isinstance(read(value, "sgd"), UnreadableMessage)
    assert time.process_time() - before < 10


def test_repeated_names_are_read_in_linear_time() -> None:
    pairs = ",".join(f'"a{n}": 1, "a{n}": 2' for n in range(10_000))
    assert answered(f'{{"type": "revert_payment", "correlation_id": "c", {pairs}}}'.encode())


text = st.text(max_size=20)
ids = st.text(min_size=1, max_size=255).filter(lambda s: s.strip() and "\0" not in s)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | text | st.text("\0\ud800a", max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)
NAMES = "type correlation_id payload order_id customer_id payment_id amount currency customer order reason".split()
KINDS = ["authorize_payment", "release_payment", "revert_payment"]
messages = st.dictionaries(st.sampled_from(NAMES), json_values | st.sampled_from(KINDS), max_size=8)


@seed(20240601)
@settings(max_examples=200, deadline=None)
@given(st.binary() | messages.map(lambda m: json.dumps(m).encode()) | json_values.map(lambda v: json.dumps(v).encode()))
@example(b'{"type":"authorize_payment","correlation_id":"c","customer":{"userStripeCard":5},"order":[]}')
@example(b'{"type":"revert_payment","correlation_id":"c","payload":"\\"\\\\u0000\\""}')
def test_no_content_raises_an_error(value: bytes) -> None:
    found = read(value, "sgd")
    if isinstance(found, InvalidCommand):
        assert_storable(found)
    assert isinstance(found, Authorize | Release | Revert | InvalidCommand | UnreadableMessage)


payloads = st.fixed_dictionaries(
    {
        "order_id": ids,
        "customer_id": ids,
        "payment_method_id": ids,
        "amount": st.integers(max(MINIMUM.values()), 9_999_999).map(lambda n: n * 10),
        "currency": st.sampled_from([*MINIMUM, *THREE_DECIMAL]),
    },
    optional={"stripe_customer_id": st.none() | ids, "description": st.none() | ids},
)


@seed(20240602)
@settings(max_examples=100, deadline=None)
@given(payloads, ids)
def test_all_shapes_of_a_command_are_equal(payload: dict[str, Any], correlation_id: str) -> None:
    found = {read(json.dumps(shape(KINDS[0], payload, correlation_id)).encode(), "sgd") for shape in SHAPES}
    assert len(found) == 1
    command = found.pop()
    assert isinstance(command, Authorize)
    assert (command.correlation_id, command.amount) == (correlation_id, payload["amount"])
