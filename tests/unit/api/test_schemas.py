"""The schemas of commands in docs/schemas accept exactly the commands that the reader accepts."""

import copy
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given, seed, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from service.domain.command_reader import read
from service.domain.commands.authorize import Authorize
from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.domain.messages import command_message
from service.domain.money import CURRENCIES, MINIMUM, Money, amount_fault
from tests.support.acceptance_schema import (
    DOCS,
    SCHEMAS,
    Brief,
    asyncapi,
    check_command,
    schema_of_message,
    schemas,
    validator,
)
from tests.unit.domain.test_command_reader import AUTHORIZE, NESTED, PAYMENT, RELEASE, REVERT, SHAPES, envelope, flat

COMMANDS = Authorize | Release | Revert
PAYLOADS = {"authorize_payment": (AUTHORIZE, NESTED), "release_payment": (RELEASE,), "revert_payment": (REVERT,)}


def accepted(message: Any) -> bool:
    return isinstance(read(json.dumps(message).encode(), "sgd"), COMMANDS)


def described(message: Any) -> bool:
    kind = message.get("type")
    return isinstance(kind, str) and kind in PAYLOADS and schema_of_message(kind).is_valid(message)


@pytest.mark.parametrize("name", schemas())
def test_each_schema_is_valid(name: str) -> None:
    Draft202012Validator.check_schema(schemas()[name])
    references = set(_references(schemas()[name]))
    assert {name.partition("#")[0].removesuffix(".json") for name in references} - {"", *schemas()} == set()


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _references(each)
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for each in node.values():
            yield from _references(each)


def test_every_message_has_a_schema_and_every_schema_a_message() -> None:
    document = asyncapi()
    messages = document["components"]["messages"]
    assert set(messages) | {"common", "amounts", "event_headers", "command_headers"} == set(schemas())
    for channel in document["channels"].values():
        for name, message in channel["messages"].items():
            assert message == {"$ref": f"#/components/messages/{name}"}
            part = messages[name]["payload"]
            assert part["schemaFormat"] == "application/schema+json;version=draft-2020-12"
            assert part["schema"] == {"$ref": f"schemas/{name}.json"}
    assert {name for channel in document["channels"].values() for name in channel["messages"]} == set(messages)


@pytest.mark.parametrize("kind", PAYLOADS)
def test_examples_match_their_schema_and_are_accepted(kind: str) -> None:
    examples = schemas()[kind]["examples"]
    assert len(examples) >= len(("envelope", "id in the payload", "flat"))
    for each in examples:
        assert described(each)
        assert accepted(each)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("kind", "payload"), [(kind, each) for kind, several in PAYLOADS.items() for each in several])
def test_schema_accepts_every_form_of_a_command(kind: str, payload: dict[str, Any], shape: Any) -> None:
    assert described(shape(kind, payload))
    assert accepted(shape(kind, payload))


@pytest.mark.parametrize("currency", sorted(CURRENCIES))
def test_schema_has_stripes_limits_of_amounts(currency: str) -> None:
    least = MINIMUM.get(currency, 1)
    flat_form, nested_form = (validator("amounts", f"#/$defs/{form}", Brief) for form in ("Flat", "Nested"))
    for amount in {0, 1, least - 1, least, least + 1, 1000, 1001, 1010, 10**8 - 100, 10**8, 10**12 - 100, 10**12}:
        taken = amount_fault(Money(amount, currency)) is None
        given = {"amount": amount, "currency": currency if amount < 10**8 else currency.upper()}
        assert flat_form.is_valid(given) == taken
        assert nested_form.is_valid({"order": given}) == taken
    assert flat_form.is_valid({"amount": 10**6, "currency": currency.upper()})


@pytest.mark.parametrize("currency", ["sgd", "kwd", "jpy", "idr", "isk"])
def test_a_command_has_the_limits_of_its_amount(currency: str) -> None:
    for amount in (0, 49, 50, 1001, 1010, 10**8 - 100, 10**8, 10**12):
        taken = amount_fault(Money(amount, currency)) is None
        given = {"amount": amount, "currency": currency}
        assert described(flat("authorize_payment", {**AUTHORIZE, **given})) == taken
        assert described(envelope("authorize_payment", {**NESTED, "order": given})) == taken


@pytest.mark.parametrize("command", [Release("c", UUID(PAYMENT), "r", "acct_1"), Revert("c", UUID(PAYMENT), None)])
def test_commands_of_the_service_match_their_schemas(command: Release | Revert) -> None:
    now, event_id = datetime(2026, 1, 31, tzinfo=UTC), UUID(PAYMENT)
    message = command_message(command, event_id=event_id, topic="t", now=now, traceparent=None)
    check_command(json.loads(message.value), dict(message.headers))


def test_schema_cannot_refuse_an_integer_written_with_a_decimal_point() -> None:
    """JSON Schema has one kind of number, but the reader refuses 1250.0. The schema's description says so."""
    message = flat("authorize_payment", {**AUTHORIZE, "amount": 1250.0})
    assert described(message)
    assert not accepted(message)
    assert "without decimal point" in schemas()["authorize_payment"]["description"]


text = st.text(st.characters(codec="utf-8"), max_size=12)
odd = st.sampled_from(["", " ", "\u2003", "\0", "a\0", *map("x".__mul__, (255, 256, 1001, 5001)), f"{PAYMENT}\n"])
urls = st.sampled_from(["https://x/a", "HTTP://x", "https://", "ftp://x", "https://x/a b", "https://x\n", "https://?x"])
codes = st.sampled_from(["SGD", "sgd", "sgd\n", "kwd", "idr", "isk", "xxx"])
amounts = st.sampled_from([0, 49, 50, 100, 1250, 1251, 10**8, -5])
leaves = st.none() | st.booleans() | st.integers() | text | odd | urls | codes | amounts | st.just(PAYMENT.upper())
inside = st.sampled_from("amount currency description clerkUserId userStripeCard payment_method_id".split())
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(inside | text, inner, max_size=3), max_leaves=6
)
NAMES = [*AUTHORIZE, *NESTED, *RELEASE, *REVERT, "type", "correlation_id", "payload", "timestamp", "source", "note"]


def _places(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for each in node.values():
            yield from _places(each)


@st.composite
def messages(draw: st.DrawFn) -> dict[str, Any]:
    """A valid command with a few fields exchanged, dropped or added anywhere in it."""
    kind = draw(st.sampled_from(list(PAYLOADS)))
    payload = copy.deepcopy(draw(st.sampled_from(PAYLOADS[kind])))
    message: dict[str, Any] = draw(st.sampled_from(SHAPES))(kind, payload)
    for _ in range(draw(st.integers(0, 3))):
        places = list(_places(message))
        place = places[draw(st.integers(0, 7)) % len(places)]
        names = [*place, *place, *NAMES]
        name = names[draw(st.integers(0, 63)) % len(names)]
        if draw(st.booleans()):
            place.pop(name, None)
        else:
            place[name] = copy.deepcopy(draw(values))
    return message


@seed(20261128)
@settings(max_examples=400, deadline=None)
@given(messages())
@example(envelope("authorize_payment", {**NESTED, "amount": 1250, "currency": "KWD"}))
@example(envelope("authorize_payment", {**NESTED, "order": None, "amount": 1250}))
@example(envelope("authorize_payment", {**AUTHORIZE, "customer": "no object"}))
@example(flat("authorize_payment", {**AUTHORIZE, "payload": None}))
@example({"type": "revert_payment", "correlation_id": None, "payload": {**REVERT, "correlation_id": " "}})
def test_schema_accepts_exactly_the_commands_that_the_reader_accepts(message: dict[str, Any]) -> None:
    assert described(message) == accepted(message)


def test_example_of_the_schemas_page_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (SCHEMAS / "README.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(DOCS.parent)
    exec(compile(program, "README.md", "exec"), {})  # noqa: S102 - our own document
    named = set(re.findall(r"\((\S+)\.json\)", page))
    assert named == set(schemas())


def test_validators_refuse_an_invalid_event() -> None:
    assert not validator("event_headers").is_valid({"ce_id": "x"})
    assert not schema_of_message("payment.authorized").is_valid({"type": "payment.authorized"})
