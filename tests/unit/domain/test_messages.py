"""Outgoing events and commands: envelope, headers, ids, payloads."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from service.domain import events
from service.domain.commands.command import CommandKey
from service.domain.errors import ErrorCode
from service.domain.events import Answer
from service.domain.messages import OutgoingMessage, command_message, event_message, news_id, outcome_id, rfc3339
from service.domain.payment import Failure
from tests.unit.domain.facts import NOW, PAYMENT_ID, RELEASE, REVERT, payment

EVENT_ID = UUID("00000000-0000-4000-8000-00000000000e")
PUBLISHED_AT = "2026-05-04T03:02:01.987Z"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SUBJECT = CommandKey("release_payment", "c-release")
RELEASED = payment("SUCCEEDED", "intent charge captured transfer")


def _event(answer: Answer, **more: Any) -> OutgoingMessage:
    place: dict[str, Any] = {"payment_id": PAYMENT_ID, "sequence": 7, "traceparent": None, **more}
    return event_message(answer, event_id=EVENT_ID, topic="payment_events", now=NOW, **place)


class TestEvent:
    def test_event_has_the_envelope_of_the_contract(self) -> None:
        message = _event(events.released(RELEASED, SUBJECT))
        assert json.loads(message.value) == {
            "type": "payment.released",
            "correlation_id": "c-release",
            "timestamp": PUBLISHED_AT,
            "source": "payment-service",
            "payload": {
                "payment_id": str(PAYMENT_ID),
                "order_id": "order-1",
                "transfer_id": "tr_1",
                "status": "SUCCEEDED",
                "runner_id": "runner-1",
                "amount": 1500,
                "transfer_amount": 1500,
                "transfer_currency": "sgd",
                "correlation_id": "c-release",
            },
        }

    def test_event_has_the_headers_of_the_contract(self) -> None:
        message = _event(events.released(RELEASED, SUBJECT), traceparent=TRACE)
        assert dict(message.headers) == {
            "ce_id": str(EVENT_ID),
            "ce_type": "payment.released",
            "ce_source": "payment-service",
            "ce_specversion": "1.0",
            "ce_time": PUBLISHED_AT,
            "ce_subject": str(PAYMENT_ID),
            "content-type": "application/json",
            "correlation_id": "c-release",
            "sequence": "7",
            "command_type": "release_payment",
            "traceparent": TRACE,
        }
        assert (message.key, message.sequence, message.topic) == (str(PAYMENT_ID), 7, "payment_events")

    def test_news_answers_no_command(self) -> None:
        headers = dict(_event(events.hold_ended(payment())).headers)
        assert "command_type" not in headers
        assert headers["correlation_id"] == "c-auth"

    def test_event_about_no_payment_has_no_subject(self) -> None:
        failure = Failure(ErrorCode.PAYMENT_NOT_FOUND, "There is none.")
        message = _event(events.refused(SUBJECT, failure, payment_id="x"), payment_id=None, sequence=None)
        assert (message.key, message.sequence) == ("c-release", None)
        assert not {"ce_subject", "sequence"} & set(dict(message.headers))

    def test_headers_are_text_and_unique(self) -> None:
        headers = _event(events.released(RELEASED, SUBJECT), traceparent=TRACE).headers
        assert all(isinstance(part, str) for header in headers for part in header)
        assert len(dict(headers)) == len(headers)


class TestCommand:
    def test_consumer_reads_the_same_command(self) -> None:
        message = command_message(RELEASE, event_id=EVENT_ID, topic="payment_commands", now=NOW, traceparent=TRACE)
        body = json.loads(message.value)
        assert (body["type"], body["correlation_id"]) == ("release_payment", "c-release")
        assert body["payload"] == {
            "payment_id": str(PAYMENT_ID),
            "runner_id": "runner-1",
            "runner_connect_account_id": "acct_runner",
            "correlation_id": "c-release",
        }
        headers = dict(message.headers)
        assert (message.key, headers["ce_subject"]) == (str(PAYMENT_ID), str(PAYMENT_ID))
        assert (headers["traceparent"], headers["ce_type"]) == (TRACE, "release_payment")
        assert message.sequence is None
        assert not {"sequence", "command_type"} & set(headers)

    def test_revert_command_without_a_reason_has_no_reason_field(self) -> None:
        message = command_message(
            replace(REVERT, reason=None), event_id=EVENT_ID, topic="payment_commands", now=NOW, traceparent=None
        )
        assert json.loads(message.value)["payload"]["reason"] is None


class TestIds:
    def test_ids_are_the_same_in_every_release(self) -> None:
        """The ids are written down: if they changed, a repeated command could get a second outcome event."""
        assert str(outcome_id(CommandKey("authorize_payment", "saga-1"))) == "47761d87-d76d-54f2-85d1-0350fa341c28"
        assert str(news_id(PAYMENT_ID, "REVERTED")) == "a56a1a36-9d4b-5383-9cbf-fa814098406b"

    def test_ids_of_different_messages_differ(self) -> None:
        ids = {
            outcome_id(CommandKey("authorize_payment", "saga-1")),
            outcome_id(CommandKey("revert_payment", "saga-1")),
            outcome_id(CommandKey("authorize_payment", "saga-2")),
            outcome_id(CommandKey("authorize_payment", "")),
            news_id(PAYMENT_ID, "REVERTED"),
            news_id(EVENT_ID, "REVERTED"),
        }
        assert len(ids) == 6


def test_times_are_utc_with_milliseconds() -> None:
    assert rfc3339(NOW) == PUBLISHED_AT
    east = datetime(2026, 1, 1, 8, tzinfo=timezone(timedelta(hours=8)))
    assert rfc3339(east) == "2026-01-01T00:00:00.000Z"
    assert rfc3339(datetime(2026, 1, 1, tzinfo=UTC)).endswith("T00:00:00.000Z")


FAILURE = Failure(ErrorCode.CARD_DECLINED, "No.", "lost_card")
WITHOUT_CODE = Failure(ErrorCode.STRIPE_ERROR, "No.")
REFUNDED = payment("REVERTED", "intent charge captured refund")
IDS = {"payment_id", "order_id"}


@pytest.mark.parametrize(
    ("answer", "kind", "fields"),
    [
        (events.authorized(payment()), "payment.authorized", IDS | {"payment_intent_id", "status"}),
        (
            events.released(RELEASED, SUBJECT),
            "payment.released",
            IDS | {"transfer_id", "status", "runner_id", "amount", "transfer_amount", "transfer_currency"},
        ),
        (events.reverted(payment("REVERTED"), SUBJECT, "payment.reverted"), "payment.reverted", IDS | {"status"}),
        (
            events.reverted(REFUNDED, SUBJECT, "payment.reverted"),
            "payment.reverted",
            IDS | {"status", "refund_id", "refund_status"},
        ),
        (
            events.reverted(REFUNDED, SUBJECT, "payment.released"),
            "payment.released",
            IDS | {"status", "refund_id", "refund_status"},
        ),
        (
            events.reverted(REFUNDED, SUBJECT, "payment.failed"),
            "payment.failed",
            IDS | {"status", "refund_id", "refund_status", "error", "message"},
        ),
        (events.failed(payment(), SUBJECT, FAILURE), "payment.failed", IDS | {"error", "message", "stripe_code"}),
        (events.failed(payment(), SUBJECT, WITHOUT_CODE), "payment.failed", IDS | {"error", "message"}),
        (events.hold_ended(payment()), "payment.failed", IDS | {"error", "message"}),
        (events.refused(SUBJECT, WITHOUT_CODE), "payment.failed", IDS | {"error", "message"}),
    ],
)
def test_payloads_have_the_contracts_fields(answer: Answer, kind: str, fields: set[str]) -> None:
    assert answer.type == kind
    assert set(json.loads(_event(answer).value)["payload"]) == fields | {"correlation_id"}


@pytest.mark.parametrize("status", ["AUTHORIZED", "SUCCEEDED"])
def test_authorized_event_has_the_status_and_the_intent(status: str) -> None:
    event = events.authorized(payment(status))
    assert (event.payload["status"], event.payload["payment_intent_id"]) == (status, "pi_1")
    assert (event.command_type, event.correlation_id) == ("authorize_payment", "c-auth")
