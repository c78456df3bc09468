"""docs/asyncapi.yaml and docs/schemas describe exactly the messages of the service and their fields."""

import json
from dataclasses import replace
from typing import Any

import pytest

from service.domain import events, news
from service.domain.commands.command import CommandKey
from service.domain.errors import ErrorCode
from service.domain.events import Answer
from service.domain.learning import Situation, learn_picture
from service.domain.ledger import MovementKind, Proof
from service.domain.messages import event_message
from service.domain.payment import Failure, Payment, PaymentStatus
from service.domain.stripe_objects import Dispute, IntentStatus, Picture, Refund, Reversal, Transfer
from tests.support.acceptance_schema import asyncapi, check_event, schemas
from tests.unit.domain.facts import NOW, PAYMENT_ID, intent, payment

TAKEN = intent(IntentStatus.SUCCEEDED, charge_id="ch_1", received=1500)
RELEASED = payment("SUCCEEDED", "intent charge captured transfer", transfer_currency="sgd", captured=1500)
TAKEN_BACK = Transfer("tr_1", 1500, "sgd", "acct_1", reversals=(Reversal("trr_1", 300, "sgd"),))
KNOWN = frozenset({(MovementKind.HOLD, "ch_1"), (MovementKind.CAPTURE, "ch_1")})
MOVED: dict[str, tuple[Payment, Picture, frozenset[Proof]]] = {
    "a refund": (RELEASED, Picture(TAKEN, refunds=(Refund("re_1", 500, "sgd", "succeeded", "duplicate"),)), KNOWN),
    "a refund without a reason": (RELEASED, Picture(TAKEN, refunds=(Refund("re_1", 1500, "sgd", "pending"),)), KNOWN),
    "a refund that failed": (
        payment("REVERTED", "intent charge captured refund", captured=1500, refunded=1500),
        Picture(TAKEN, refunds=(Refund("re_1", 1500, "sgd", "failed", "lost_or_stolen_card"),)),
        KNOWN | {(MovementKind.REFUND, "re_1")},
    ),
    "an inquiry": (RELEASED, Picture(TAKEN, disputes=(Dispute("du_1", 1500, "sgd", "warning_needs_response"),)), KNOWN),
    "a dispute": (
        RELEASED,
        Picture(TAKEN, disputes=(Dispute("du_1", 9, "sgd", "needs_response", "fraudulent", evidence_due_by=NOW),)),
        KNOWN,
    ),
    "money withdrawn": (
        replace(RELEASED, contested=1500),
        Picture(TAKEN, disputes=(Dispute("du_1", 1500, "sgd", "under_review", "fraudulent", withdrawn=True),)),
        KNOWN | {(MovementKind.DISPUTE_OPENED, "du_1")},
    ),
    "a dispute that is lost": (
        replace(RELEASED, contested=1500, disputed=1500),
        Picture(TAKEN, disputes=(Dispute("du_1", 1500, "sgd", "lost", withdrawn=True),)),
        KNOWN | {(MovementKind.DISPUTE_OPENED, "du_1"), (MovementKind.DISPUTE_WITHDRAWN, "du_1")},
    ),
    "a reversal": (RELEASED, Picture(TAKEN, transfers=(TAKEN_BACK,)), KNOWN),
}

SUBJECT = CommandKey("revert_payment", "c-revert")
FAILURE = Failure(ErrorCode.CARD_DECLINED, "No.", "lost_card")
REFUNDED = payment("REVERTED", "intent charge captured refund", refund_status="pending")
OUTCOMES = [
    events.authorized(payment()),
    events.released(RELEASED, SUBJECT),
    *(events.reverted(REFUNDED, SUBJECT, f"payment.{name}") for name in ("reverted", "released", "failed")),
    events.reverted(payment("REVERTED"), SUBJECT, "payment.reverted"),
    events.failed(payment(), SUBJECT, FAILURE),
    events.hold_ended(payment()),
    events.refused(SUBJECT, FAILURE),
]


def _news(case: str) -> Answer:
    before, picture, known = MOVED[case]
    (event,) = learn_picture(before, picture, Situation(NOW, known=known)).answers
    return event


def _payloads(kind: str) -> list[dict[str, Any]]:
    """The schemas of an event's payload. A type with several forms has several schemas."""
    described = schemas()[kind]["properties"]["payload"]
    reverted = schemas()["payment.reverted"]["properties"]["payload"]
    return [reverted if "$ref" in form else form for form in described.get("oneOf", [described])]


def _check(event: Answer) -> dict[str, Any]:
    """The event's payload. Raises ValidationError unless body and headers match their schemas."""
    message = event_message(
        event,
        event_id=PAYMENT_ID,
        topic="payment_events",
        now=NOW,
        payment_id=PAYMENT_ID,
        sequence=1,
        traceparent=None,
    )
    body: dict[str, Any] = json.loads(message.value)
    check_event(body, dict(message.headers))
    payload: dict[str, Any] = body["payload"]
    return payload


def test_each_movement_with_a_news_event_has_an_example() -> None:
    moved = {movement.kind for before, picture, known in MOVED.values()
             for movement in learn_picture(before, picture, Situation(NOW, known=known)).movements}  # fmt: skip
    assert set(news._NEWS) - moved == set()


def test_described_event_types_are_those_that_the_service_publishes() -> None:
    published = {_news(case).type for case in MOVED} | {outcome.type for outcome in OUTCOMES}
    assert set(asyncapi()["channels"]["payment_events"]["messages"]) == published


@pytest.mark.parametrize("case", MOVED)
def test_news_event_always_has_every_described_field(case: str) -> None:
    event = _news(case)
    payload = _check(event)
    (schema,) = _payloads(event.type)
    assert payload.keys() == schema["properties"].keys() == set(schema["required"])


@pytest.mark.parametrize("event", OUTCOMES, ids=lambda event: event.type)
def test_outcome_event_has_no_undescribed_field(event: Answer) -> None:
    payload = _check(event)
    assert any(payload.keys() <= schema["properties"].keys() for schema in _payloads(event.type))


def test_schemas_list_the_statuses_and_codes_of_the_code() -> None:
    assert schemas()["common"]["$defs"]["Status"]["enum"] == [status.value for status in PaymentStatus]
    (failed,) = _payloads("payment.failed")
    assert failed["properties"]["error"]["enum"] == [code.value for code in ErrorCode]
