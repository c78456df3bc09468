"""The movements that each object of Stripe's proves."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.domain.ledger import Movement
from service.domain.movements import (
    of_dispute,
    of_intent,
    of_picture,
    of_refund,
    of_transfer,
    shows_no_charge,
)
from service.domain.stripe_objects import Charge, IntentError, IntentStatus, Picture, Settlement
from tests.unit.domain.facts import NOW, OURS, dispute, intent, payment, picture, refund, reversal, transfer

DECLINED = IntentError("card_error", "No.", "card_declined", "lost_card")
LATER = NOW + timedelta(days=1)


def rows(movements: Any) -> list[tuple[str, str, int]]:
    """Movements in short."""
    return [(movement.kind, movement.proof, movement.amount) for movement in movements]


HOLD, CAPTURE, GONE = ("hold", "ch_1", 1500), ("capture", "ch_1", 1500), ("hold_gone", "ch_1", 1500)


@pytest.mark.parametrize(
    ("status", "more", "proved"),
    [
        (IntentStatus.REQUIRES_PAYMENT_METHOD, {}, []),
        (IntentStatus.REQUIRES_PAYMENT_METHOD, {"error": DECLINED}, []),
        (IntentStatus.REQUIRES_CONFIRMATION, {}, []),
        (IntentStatus.REQUIRES_ACTION, {}, []),
        (IntentStatus.PROCESSING, {}, []),
        (IntentStatus.REQUIRES_CAPTURE, {}, [HOLD]),
        (IntentStatus.SUCCEEDED, {}, [HOLD, CAPTURE]),
        (IntentStatus.SUCCEEDED, {"received": 500}, [HOLD, ("capture", "ch_1", 500), ("hold_gone", "ch_1", 1000)]),
        (IntentStatus.CANCELED, {}, [HOLD, GONE]),
        (IntentStatus.CANCELED, {"error": DECLINED}, []),
        (IntentStatus.CANCELED, {"charge_id": None}, []),
        (IntentStatus.REQUIRES_CAPTURE, {"charge_id": None}, []),
    ],
)
def test_intent_proves_these_movements(
    status: IntentStatus, more: dict[str, Any], proved: list[tuple[str, str, int]]
) -> None:
    assert rows(of_intent(intent(status, **{"charge_id": "ch_1", **more}))) == proved


@pytest.mark.parametrize("status", IntentStatus)
def test_intent_with_money_names_its_charge(status: IntentStatus) -> None:
    moneyed = status in {IntentStatus.REQUIRES_CAPTURE, IntentStatus.SUCCEEDED}
    assert shows_no_charge(intent(status)) == moneyed
    assert not shows_no_charge(intent(status, charge_id="ch_1"))


def test_expanded_charge_has_the_times_of_hold_and_capture() -> None:
    charge = Charge("ch_1", 0, disputed=False, settlement=Settlement(1500, "sgd", LATER), created_at=NOW)
    held, taken = of_intent(intent(IntentStatus.SUCCEEDED, charge_id="ch_1", charge=charge))
    assert (held.at, taken.at) == (NOW, LATER)


MOVED = ("refund", "re_1", 1500)


@pytest.mark.parametrize(
    ("status", "proved"),
    [
        ("pending", [MOVED]),
        ("requires_action", [MOVED]),
        ("succeeded", [MOVED]),
        ("failed", [MOVED, ("refund_failed", "re_1", 1500)]),
        ("canceled", [MOVED, ("refund_failed", "re_1", 1500)]),
    ],
)
def test_refund_proves_these_movements(status: str, proved: list[tuple[str, str, int]]) -> None:
    assert rows(of_refund(payment(), refund(status=status))) == proved
    assert rows(of_refund(payment(), refund(status=status, of_hold=True))) == []


@pytest.mark.parametrize(
    ("made", "known", "by_us"),
    [
        (refund(), {}, False),
        (refund(payment_id="another"), {}, False),
        (refund(payment_id=OURS), {}, True),
        (refund(), {"stripe_refund_id": "re_1"}, True),
        (refund(), {"stripe_refund_id": "re_2"}, False),
    ],
)
def test_metadata_or_id_make_a_refund_the_services_own(made: Any, known: dict[str, Any], by_us: bool) -> None:
    assert [movement.by_us for movement in of_refund(payment(**known), made)] == [by_us]


def test_failed_refund_has_its_reason_on_the_failure() -> None:
    moved, failed = of_refund(payment(), refund(status="failed", reason="lost_or_stolen_card", created_at=NOW))
    assert (moved.detail, moved.at) == (None, NOW)
    assert (failed.detail, failed.at) == ("lost_or_stolen_card", None)


OPENED, WITHDRAWN = ("dispute_opened", "dp_1", 1500), ("dispute_withdrawn", "dp_1", 1500)
REINSTATED, CLOSED = ("dispute_reinstated", "dp_1", 1500), ("dispute_closed", "dp_1", 1500)


@pytest.mark.parametrize(
    ("status", "more", "proved"),
    [
        ("warning_needs_response", {"withdrawn": False}, [OPENED]),
        ("warning_closed", {"withdrawn": False}, [OPENED, CLOSED]),
        ("needs_response", {}, [OPENED, WITHDRAWN]),
        ("under_review", {}, [OPENED, WITHDRAWN]),
        ("won", {"reinstated": True}, [OPENED, WITHDRAWN, REINSTATED, CLOSED]),
        ("lost", {}, [OPENED, WITHDRAWN, CLOSED]),
        ("prevented", {"withdrawn": False}, [OPENED, CLOSED]),
    ],
)
def test_dispute_proves_these_movements(status: str, more: dict[str, Any], proved: list[tuple[str, str, int]]) -> None:
    movements = list(of_dispute(dispute(status, **more)))
    assert rows(movements) == proved
    assert not any(movement.by_us for movement in movements)
    assert [m.detail for m in movements] == [status if row == CLOSED else "fraudulent" for row in proved]


def test_transfer_and_its_reversals_by_anyone() -> None:
    parts = (reversal("trr_3", 100), reversal("trr_2", 1000, OURS), reversal("trr_1", 400))
    movements = list(of_transfer(payment(), transfer(*parts)))
    assert [(*row, movement.by_us) for row, movement in zip(rows(movements), movements, strict=True)] == [
        ("transfer", "tr_1", 1500, True),
        ("reversal", "trr_1", 400, False),
        ("reversal", "trr_2", 1000, True),
        ("reversal", "trr_3", 100, False),
    ]


def test_transfers_of_another_program_and_of_an_older_release_are_distinguished() -> None:
    theirs = transfer(payment_id=None)
    assert [m.by_us for m in of_transfer(payment(), theirs)] == [False]
    assert [m.by_us for m in of_transfer(payment(stripe_transfer_id="tr_1"), theirs)] == [True]
    taken = transfer(reversal(), payment_id=None)
    assert [m.by_us for m in of_transfer(payment(stripe_reversal_id="trr_1"), taken)] == [False, True]


@pytest.mark.parametrize(
    "seen",
    [
        picture(),
        Picture(intent(charge_id="ch_1")),
        Picture(intent(IntentStatus.CANCELED, charge_id="ch_1")),
        picture(
            refunds=(refund("re_2", 500), refund("re_1", 1500, "failed")),
            disputes=(dispute("won", reinstated=True),),
            transfers=(transfer(reversal("trr_2", 1000), reversal("trr_1", 500)),),
        ),
    ],
    ids=["captured", "held", "canceled", "all of it"],
)
def test_movements_of_a_picture_add_up_in_their_order(seen: Picture) -> None:
    found: list[Movement] = of_picture(payment(), seen)
    for number in range(len(found) + 1):
        assert payment().with_movements(found[:number]).money.adds_up
    assert len({movement.key for movement in found}) == len(found)


def test_picture_proves_the_same_with_and_without_expanded_objects() -> None:
    bare = picture()
    charge = Charge("ch_1", 0, disputed=False, settlement=Settlement(1500, "sgd", LATER), created_at=NOW)
    whole = replace(bare, intent=replace(bare.intent, charge=charge))
    assert rows(of_picture(payment(), bare)) == rows(of_picture(payment(), whole))
