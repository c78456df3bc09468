"""docs/asyncapi.yaml says what the service tells: each type, each field, and no other."""

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
from service.domain.payment import Failure, Payment
from service.domain.status import PaymentStatus
from service.domain.stripe_objects import Dispute, IntentStatus, Picture, Refund, Reversal, Transfer
from tests.support.acceptance_schema import check_event, document
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
    (told,) = learn_picture(before, picture, Situation(NOW, known=known)).answers
    return told


def _payloads(kind: str) -> list[dict[str, Any]]:
    """The schemas of an event's payload: more than one where a type has several forms."""
    described = document()["components"]["messages"][kind]["payload"]["allOf"][1]["properties"]["payload"]
    names = [form["$ref"].rpartition("/")[2] for form in described.get("oneOf", [described])]
    return [document()["components"]["schemas"][name] for name in names]


def _check(told: Answer) -> dict[str, Any]:
    """The event's payload, when body and headers are as described."""
    message = event_message(
        told,
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


def test_every_movement_that_makes_news_is_tried() -> None:
    tried = {movement.kind for before, picture, known in MOVED.values()
             for movement in learn_picture(before, picture, Situation(NOW, known=known)).movements}  # fmt: skip
    assert set(news._NEWS) - tried == set()


def test_the_types_described_are_those_that_are_told() -> None:
    told = {_news(case).type for case in MOVED} | {outcome.type for outcome in OUTCOMES}
    assert set(document()["channels"]["payment_events"]["messages"]) == told


@pytest.mark.parametrize("case", MOVED)
def test_news_have_the_fields_described_all_of_them_always(case: str) -> None:
    told = _news(case)
    payload = _check(told)
    (schema,) = _payloads(told.type)
    assert payload.keys() == schema["properties"].keys() == set(schema["required"])


@pytest.mark.parametrize("told", OUTCOMES, ids=lambda told: told.type)
def test_outcomes_have_no_field_that_is_not_described(told: Answer) -> None:
    payload = _check(told)
    assert any(payload.keys() <= schema["properties"].keys() for schema in _payloads(told.type))


def test_statuses_and_codes_are_the_services_own() -> None:
    schemas = document()["components"]["schemas"]
    assert schemas["Status"]["enum"] == [status.value for status in PaymentStatus]
    assert schemas["Failed"]["properties"]["error"]["enum"] == [code.value for code in ErrorCode]
