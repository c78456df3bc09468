"""Commands: stored form, fingerprints, ordering keys and idempotency keys."""

from dataclasses import replace
from itertools import product

import pytest

from service.domain.commands.authorize import Authorize
from service.domain.commands.cancel_hold import CancelHold
from service.domain.commands.catalog import StoredCommand, content_of, restore
from service.domain.commands.command import fingerprint
from service.domain.next_step import Step
from service.domain.received_records import Origin
from service.usecases.claimed import idempotency_key
from tests.unit.domain.facts import AUTHORIZE, HOLD, PAYMENT_ID, RELEASE, REVERT, payment

STORED: list[StoredCommand] = [AUTHORIZE, RELEASE, REVERT, HOLD]


@pytest.mark.parametrize("command", STORED)
def test_restored_command_equals_the_stored_one(command: StoredCommand) -> None:
    assert restore(command.type, command.correlation_id, content_of(command)) == command


@pytest.mark.parametrize("command", STORED)
def test_correlation_id_is_not_part_of_the_content(command: StoredCommand) -> None:
    other = replace(command, correlation_id="other")
    assert content_of(other) == content_of(command)
    assert "correlation_id" not in content_of(command)


@pytest.mark.parametrize(
    "changed",
    [
        {"amount": 1501},
        {"currency": "usd"},
        {"order_id": "order-2"},
        {"customer_id": "customer-2"},
        {"payment_method_id": "pm_2"},
        {"stripe_customer_id": "cus_1"},
        {"description": "lunch"},
        {"return_url": "https://shop.example"},
    ],
)
def test_every_field_is_content(changed: dict[str, object]) -> None:
    assert fingerprint(content_of(replace(AUTHORIZE, **changed))) != fingerprint(content_of(AUTHORIZE))  # type: ignore[arg-type]


def test_fingerprint_does_not_depend_on_the_order_of_fields() -> None:
    content = content_of(AUTHORIZE)
    assert fingerprint(dict(reversed(content.items()))) == fingerprint(content)


@pytest.mark.parametrize("content", [None, [], "text", {"a": "\ud800"}, {"a": [1, {"b": None}]}])
def test_any_json_value_has_a_fingerprint(content: object) -> None:
    assert len(fingerprint(content)) == 32


def test_ordering_keys() -> None:
    assert (AUTHORIZE.ordering_key, RELEASE.ordering_key, REVERT.ordering_key) == (
        "order-1",
        str(PAYMENT_ID),
        str(PAYMENT_ID),
    )


class TestIdempotencyKey:
    def test_steps_do_not_share_a_key(self) -> None:
        same_id = [replace(command, correlation_id="saga") for command in STORED]
        commands = [*STORED, *same_id]
        keys = [idempotency_key(*parts) for parts in product(commands, Step, range(3))]
        assert len(set(keys)) == len(keys)

    def test_key_is_derived_and_not_random(self) -> None:
        assert idempotency_key(AUTHORIZE, Step.CAPTURE, 1) == idempotency_key(AUTHORIZE, Step.CAPTURE, 1)

    @pytest.mark.parametrize("correlation_id", ["x" * 255, "\N{SNOWMAN}" * 255, " ", "a/b?c=d\n"])
    def test_key_is_short_enough_for_stripe(self, correlation_id: str) -> None:
        key = idempotency_key(Authorize(correlation_id, "o", "c", "pm", 50, "sgd"), Step.CREATE_INTENT, 999)
        assert len(key) <= 255
        assert key.isascii()
        assert key.isprintable()


def test_only_the_cancellation_of_a_hold_acts_on_another_intent_than_the_payments() -> None:
    assert CancelHold("pi_9", PAYMENT_ID).intent_of(payment()) == "pi_9"
    intents = {command.type: command.intent_of(payment()) for command in (AUTHORIZE, RELEASE, REVERT)}
    assert set(intents.values()) == {payment().stripe_payment_intent_id}


def test_only_the_cancellation_of_a_hold_is_the_services_own() -> None:
    assert [command.type for command in STORED if command.own] == ["cancel_hold"]


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ([], None),
        ([("traceparent", None)], None),
        ([("traceparent", b"")], None),
        ([("other", b"x")], None),
        ([("traceparent", b"00-a"), ("traceparent", b"00-b")], "00-b"),
        ([("traceparent", b"\xff" * 100)], "\N{REPLACEMENT CHARACTER}" * 64),
        ([("traceparent", b"00-\x00-01")], None),
        ([("traceparent", b"00\r\nx: y")], None),
    ],
)
def test_trace_of_the_sender_is_read(headers: list[tuple[str, bytes | None]], wanted: str | None) -> None:
    assert Origin("t", 0, 1, None, None, headers).traceparent == wanted
