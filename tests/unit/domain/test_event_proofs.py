"""Whether the payment's record has all proofs of an event."""

from typing import Any

import pytest

from service.domain.event_proofs import are_known, refund_status, sum_refunded
from service.domain.ledger import Proof
from tests.unit.domain.facts import payment, refund

TAKEN: Proof = ("capture", "ch_1")
KNOWN = frozenset({("hold", "ch_1"), TAKEN, ("refund", "re_1")})


@pytest.mark.parametrize(
    ("shown", "known"),
    [
        ([], False),
        ([TAKEN], True),
        ([("hold", "ch_1"), TAKEN], True),
        ([TAKEN, ("refund", "re_2")], False),
        ([("refund_failed", "re_1")], False),
        ([("capture", "ch_2")], False),
    ],
    ids=["nothing", "a known one", "known ones", "one of two", "what came after", "of another object"],
)
def test_movement_is_known_by_its_key(shown: list[Proof], known: bool) -> None:
    assert are_known(payment(), KNOWN, shown) == known


@pytest.mark.parametrize(("amount", "known"), [(0, False), (500, True), (1500, False)])
def test_charge_is_known_by_its_refunded_sum(amount: int, known: bool) -> None:
    assert are_known(payment(refunded=500), frozenset(), [sum_refunded(amount)]) == known


@pytest.mark.parametrize(
    ("captured", "known_by", "known"),
    [
        (0, {("hold", "ch_1"), ("hold_gone", "ch_1")}, True),
        (0, {("hold", "ch_1")}, False),
        (500, {("hold", "ch_1"), ("capture", "ch_1"), ("hold_gone", "ch_1")}, False),
    ],
    ids=["gone", "not known to be gone", "captured in part"],
)
def test_refund_of_a_hold_is_known_once_the_hold_is_gone(captured: int, known_by: set[Proof], known: bool) -> None:
    assert are_known(payment(captured=captured), frozenset(known_by), [("refund", "re_1")]) == known


@pytest.mark.parametrize(
    ("facts", "status", "known"),
    [
        ({"stripe_refund_id": "re_1", "refund_status": "pending"}, "pending", True),
        ({"stripe_refund_id": "re_1", "refund_status": "pending"}, "succeeded", False),
        ({"stripe_refund_id": "re_1", "refund_status": "pending"}, "requires_action", False),
        ({"stripe_refund_id": "re_1"}, "succeeded", False),
        ({"stripe_refund_id": "re_9", "refund_status": "pending"}, "succeeded", True),
        ({}, "succeeded", True),
    ],
)
def test_only_the_status_of_the_effective_refund_is_compared(facts: dict[str, Any], status: str, known: bool) -> None:
    proofs = [("refund", "re_1"), refund_status(refund(status=status))]
    assert are_known(payment(captured=1500, **facts), KNOWN, proofs) == known


def test_proofs_can_be_stored_and_compared() -> None:
    assert sum_refunded(500) == ("sum_refunded", "500")
    assert refund_status(refund(status="pending")) == ("refund_status", "re_1 pending")
