"""Stripe's objects are translated to the objects of the port."""

from datetime import UTC, datetime
from typing import Any

import pytest

from service.domain.stripe_objects import Charge, Settlement
from service.gateway.translate import dispute_of, intent_of, refund_of, refunded_of
from tests.unit.gateway.fake_stripe import CHARGE, DISPUTE, INTENT, REFUND

CREATED, TAKEN_AT = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 2, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("captured", "refunded", "wanted"),
    [
        pytest.param(2000, 0, 0, id="captured whole"),
        pytest.param(2000, 500, 500, id="a part of it refunded"),
        pytest.param(2000, 2000, 2000, id="all of it refunded"),
        pytest.param(500, 1500, 0, id="captured in part"),
        pytest.param(500, 1700, 200, id="a part of that refunded"),
        pytest.param(500, 2000, 500, id="all of that refunded"),
        pytest.param(0, 2000, 0, id="a hold that was let go"),
    ],
)
def test_uncaptured_rest_of_a_hold_is_not_a_refund(captured: int, refunded: int, wanted: int) -> None:
    """After a partial capture, Stripe shows the rest of the hold as refunded."""
    assert refunded_of({**CHARGE, "amount_captured": captured, "amount_refunded": refunded}) == wanted


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({}, Charge("ch_1", 0, disputed=False, settlement=Settlement(2000, "sgd", TAKEN_AT), created_at=CREATED)),
        (
            {"balance_transaction": "txn_1", "amount_captured": 0, "created": None},
            Charge("ch_1", 0, disputed=False),
        ),
        (
            {"disputed": True, "amount_refunded": 500, "balance_transaction": None},
            Charge("ch_1", 500, disputed=True, created_at=CREATED),
        ),
    ],
    ids=["settled", "held", "disputed"],
)
def test_an_expanded_charge(changed: dict[str, Any], wanted: Charge) -> None:
    assert intent_of({**INTENT, "latest_charge": {**CHARGE, **changed}}).charge == wanted
    assert intent_of({**INTENT, "latest_charge": "ch_1"}).charge is None


@pytest.mark.parametrize(
    ("transaction", "captured", "settled"),
    [
        ({"amount": 2000, "currency": "sgd"}, 500, Settlement(500, "sgd")),
        ({"amount": 1480, "currency": "usd"}, 2000, Settlement(1480, "usd")),
        ({"amount": 1481, "currency": "usd"}, 500, Settlement(370, "usd")),
    ],
    ids=["a part", "another currency", "a part in another currency"],
)
def test_settlement_is_that_of_the_captured_part(
    transaction: dict[str, Any], captured: int, settled: Settlement
) -> None:
    charge = {**CHARGE, "amount_captured": captured, "balance_transaction": transaction}
    read = intent_of({**INTENT, "latest_charge": charge}).charge
    assert read is not None
    assert read.settlement == settled


@pytest.mark.parametrize(
    ("moved", "withdrawn", "reinstated"),
    [
        (None, False, False),
        ([], False, False),
        ([-2000], True, False),
        ([-2000, 2000], True, True),
        ([0], False, False),
    ],
)
def test_balance_transactions_show_withdrawal_and_reinstatement(
    moved: list[int] | None, withdrawn: bool, reinstated: bool
) -> None:
    transactions = None if moved is None else [{"amount": amount} for amount in moved]
    read = dispute_of({**DISPUTE, "balance_transactions": transactions})
    assert (read.withdrawn, read.reinstated, read.evidence_due_by) == (withdrawn, reinstated, CREATED)


@pytest.mark.parametrize(
    ("settled", "of_hold"),
    [
        ({"reporting_category": "partial_capture_reversal"}, True),
        ({"reporting_category": "refund"}, False),
        ("txn_1", False),
        (None, False),
    ],
)
def test_balance_transaction_shows_the_refund_of_a_hold(settled: object, of_hold: bool) -> None:
    assert refund_of({**REFUND, "balance_transaction": settled}).of_hold == of_hold


@pytest.mark.parametrize(
    ("status", "reason", "failed"),
    [
        ("succeeded", "duplicate", False),
        ("pending", "duplicate", False),
        ("requires_action", "duplicate", False),
        ("failed", "lost_or_stolen_card", True),
        ("canceled", "lost_or_stolen_card", True),
    ],
)
def test_refund_has_the_reason_of_the_refund_or_of_its_failure(status: str, reason: str, failed: bool) -> None:
    given = {**REFUND, "status": status, "reason": "duplicate", "failure_reason": "lost_or_stolen_card"}
    assert (refund_of(given).reason, refund_of(given).failed) == (reason, failed)
