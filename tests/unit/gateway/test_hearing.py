"""The ids and proofs in the object of a webhook event."""

from typing import Any

import pytest

from service.domain.event_types import MONEY_EVENTS, NOTED_EVENTS, SUBSCRIBED
from service.domain.ledger import Proof
from service.domain.stripe_objects import About
from service.gateway.fields import UnexpectedObjectError
from service.gateway.hearing import about, proofs_of
from tests.unit.gateway.fake_stripe import CHARGE, DISPUTE, HOLD, INTENT, REFUND, REVERSAL, TRANSFER, page

REFUND_OF_CHARGE = {**REFUND, "charge": "ch_1", "payment_intent": "pi_1"}
INQUIRY = {**DISPUTE, "status": "warning_needs_response", "balance_transactions": []}
WON = {**DISPUTE, "status": "won", "balance_transactions": [{"amount": -2000}, {"amount": 2000}]}
TAKEN_BACK = {**TRANSFER, "reversed": True, "reversals": page({**REVERSAL, "id": "trr_2"}, REVERSAL)}
WARNING = {"id": "issfr_1", "object": "radar.early_fraud_warning", "charge": "ch_1", "payment_intent": "pi_1"}
REVIEW = {"id": "prv_1", "object": "review", "charge": None, "payment_intent": "pi_1"}
ACCOUNT = {"id": "acct_1", "object": "account"}

OPENED, WITHDRAWN = ("dispute_opened", "dp_1"), ("dispute_withdrawn", "dp_1")
REFUNDED = ("refund", "re_1")
PROOFS_OF_EVENTS: list[tuple[str, dict[str, Any], list[Proof]]] = [
    ("payment_intent.partially_funded", INTENT, []),
    ("charge.captured", CHARGE, [("capture", "ch_1")]),
    ("charge.expired", {**CHARGE, "amount_captured": 0, "amount_refunded": 2000}, [("hold_gone", "ch_1")]),
    ("charge.refunded", {**CHARGE, "amount_refunded": 500}, [("sum_refunded", "500")]),
    ("charge.refunded", {**CHARGE, "amount_captured": 0, "amount_refunded": 2000}, [("sum_refunded", "0")]),
    ("charge.refund.updated", REFUND_OF_CHARGE, [REFUNDED, ("refund_status", "re_1 succeeded")]),
    ("refund.created", {**REFUND, "status": "pending"}, [REFUNDED, ("refund_status", "re_1 pending")]),
    ("refund.updated", {**REFUND, "status": "canceled"}, [REFUNDED, ("refund_failed", "re_1")]),
    ("refund.failed", {**REFUND, "status": "failed"}, [REFUNDED, ("refund_failed", "re_1")]),
    ("charge.dispute.created", INQUIRY, [OPENED]),
    ("charge.dispute.created", DISPUTE, [OPENED, WITHDRAWN]),
    ("charge.dispute.updated", {**DISPUTE, "status": "under_review"}, [OPENED, WITHDRAWN]),
    ("charge.dispute.closed", {**DISPUTE, "status": "lost"}, [OPENED, WITHDRAWN, ("dispute_closed", "dp_1")]),
    ("charge.dispute.funds_withdrawn", DISPUTE, [OPENED, WITHDRAWN]),
    (
        "charge.dispute.funds_reinstated",
        WON,
        [OPENED, WITHDRAWN, ("dispute_reinstated", "dp_1"), ("dispute_closed", "dp_1")],
    ),
    ("transfer.created", TRANSFER, [("transfer", "tr_1")]),
    ("transfer.updated", TRANSFER, [("transfer", "tr_1")]),
    ("transfer.reversed", TAKEN_BACK, [("transfer", "tr_1"), ("reversal", "trr_2"), ("reversal", "trr_1")]),
]


@pytest.mark.parametrize(("event", "subject", "proofs"), PROOFS_OF_EVENTS)
def test_event_about_money_has_the_proofs_of_its_object(
    event: str, subject: dict[str, Any], proofs: list[Proof]
) -> None:
    assert list(proofs_of(event, subject)) == proofs


def test_table_has_every_event_about_money() -> None:
    assert {event for event, _, _ in PROOFS_OF_EVENTS} == set(MONEY_EVENTS)
    assert len(set(SUBSCRIBED)) == len(SUBSCRIBED)


@pytest.mark.parametrize(
    ("event", "subject", "because"),
    [
        ("refund.created", {}, "object is no text"),
        ("refund.created", {**REFUND, "amount": "2000"}, "amount is no integer"),
        ("refund.created", {**REFUND, "currency": None}, "currency is no text"),
        ("charge.captured", {"object": "charge"}, "id is no text"),
        ("charge.refunded", {**CHARGE, "amount_captured": None}, "amount_captured is no integer"),
        ("charge.dispute.created", {**DISPUTE, "balance_transactions": ["txn_1"]}, "transaction is no object"),
        ("charge.dispute.created", {**DISPUTE, "evidence_details": "none"}, "evidence_details is no object"),
        ("transfer.reversed", {**TAKEN_BACK, "reversals": page()}, "a reversed transfer without its reversals"),
        ("transfer.reversed", {**TAKEN_BACK, "reversals": []}, "reversals is no object"),
        ("transfer.created", {**TRANSFER, "destination": None}, "destination is no text"),
    ],
)
def test_malformed_object_cannot_be_read(event: str, subject: dict[str, Any], because: str) -> None:
    with pytest.raises(UnexpectedObjectError, match=because):
        proofs_of(event, subject)


def test_object_of_an_unknown_kind_has_no_proofs() -> None:
    assert proofs_of("charge.dispute.created", {**DISPUTE, "object": "chargeback"}) == ()


@pytest.mark.parametrize(
    ("subject", "named"),
    [
        (INTENT, About("pi_1", payment_id=HOLD.payment_id)),
        (CHARGE, About("pi_1", "ch_1")),
        ({**CHARGE, "id": "py_1", "payment_intent": None}, About(charge_id="py_1")),
        (REFUND_OF_CHARGE, About("pi_1", "ch_1", payment_id=HOLD.payment_id)),
        (
            {**REFUND_OF_CHARGE, "charge": CHARGE, "payment_intent": INTENT},
            About("pi_1", "ch_1", None, HOLD.payment_id),
        ),
        (DISPUTE, About("pi_1", "ch_1")),
        (TRANSFER, About(None, "ch_1", "tr_1", HOLD.payment_id)),
        ({**TRANSFER, "metadata": {"payment_record_id": "p-9"}}, About(None, "ch_1", "tr_1", "p-9")),
        (WARNING, About("pi_1", "ch_1")),
        (REVIEW, About("pi_1")),
        (ACCOUNT, None),
        ({"id": "acct_1", "object": "capability"}, None),
        ({}, None),
        ({"id": ["ch_1"], "charge": 7, "payment_intent": {}, "metadata": "none"}, None),
        ({"id": 7, "charge": "ch_1", "metadata": {"payment_id": 7}}, About(charge_id="ch_1")),
    ],
    ids=lambda value: value.get("object") if isinstance(value, dict) else "",
)
def test_object_names_the_ids_that_tie_it_to_a_payment(subject: dict[str, Any], named: About | None) -> None:
    assert about(subject) == named


@pytest.mark.parametrize("event", NOTED_EVENTS)
def test_noted_event_has_no_proofs(event: str) -> None:
    assert event not in MONEY_EVENTS
    assert proofs_of(event, WARNING) == proofs_of(event, REVIEW) == proofs_of(event, ACCOUNT) == ()
