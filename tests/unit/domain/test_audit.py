"""The differences that an audit counts."""

from dataclasses import asdict, replace
from datetime import datetime, timedelta

import pytest

from service.domain.audit_sums import Strangers, Sums
from service.domain.auditing import Comparison, Difference, DifferenceKind, Record, changed_facts, is_under_way
from service.domain.books import Window
from service.domain.ledger import Money, Movement, MovementKind
from tests.unit.domain.facts import COMMANDS, HOLD, NOW, PAYMENT_ID, payment, progress

CAPTURE = Movement(MovementKind.CAPTURE, "ch_1", 1500, "sgd", NOW)
TAKEN = Movement(MovementKind.HOLD, "ch_1", 1500, "sgd", NOW)
REFUND = Movement(MovementKind.REFUND, "re_1", 1, "sgd", NOW)
GONE = Movement(MovementKind.HOLD_GONE, "ch_1", 1500, "sgd")
HOUR = timedelta(hours=1)
WINDOW = Window(NOW - HOUR, NOW + HOUR)


def comparison(
    rows: list[Movement], seen: list[Movement], moments: dict[tuple[str, str], datetime] | None = None
) -> Comparison:
    record = Record(payment(**asdict(Money().after(rows))), tuple(rows), (), NOW)
    return Comparison(record, {moved.key: moved for moved in seen}, WINDOW, moments or {})


def found(given: Comparison) -> list[tuple[str, str | None]]:
    return [(each.what.value, each.kind) for each in given.differences()]


def test_equal_sides_have_no_difference() -> None:
    assert found(comparison([TAKEN, CAPTURE], [CAPTURE, TAKEN])) == []


def test_movement_on_one_side_only_is_a_difference() -> None:
    given = comparison([TAKEN, CAPTURE], [TAKEN, REFUND])
    assert found(given) == [("missing_here", "refund"), ("missing_at_stripe", "capture")]
    here, there = given.differences()
    assert (here.stripe_amount, here.our_amount, here.payment_id) == (1, None, PAYMENT_ID)
    assert (there.stripe_amount, there.our_amount, there.our_currency) == (None, 1500, "sgd")


@pytest.mark.parametrize("other", [{"amount": 1499}, {"currency": "usd"}])
def test_another_amount_or_currency_is_a_difference(other: dict[str, object]) -> None:
    changed: Movement = replace(CAPTURE, **other)  # type: ignore[arg-type]
    (difference,) = comparison([TAKEN, CAPTURE], [TAKEN, changed]).differences()
    assert difference.what is DifferenceKind.OTHER_AMOUNT
    assert (difference.stripe_amount, difference.stripe_currency) == (changed.amount, changed.currency)
    assert (difference.our_amount, difference.our_currency) == (1500, "sgd")


def test_sums_unlike_the_movements_are_a_difference() -> None:
    record = Record(payment(held=1500), (TAKEN, CAPTURE), (), NOW)
    given = Comparison(record, {moved.key: moved for moved in (TAKEN, CAPTURE)}, WINDOW, {})
    assert found(given) == [("other_facts", None)]


class TestWindow:
    def test_window_includes_its_begin_and_excludes_its_end(self) -> None:
        assert (WINDOW.holds(WINDOW.since), WINDOW.holds(WINDOW.until)) == (True, False)

    @pytest.mark.parametrize("at", [NOW - 2 * HOUR, NOW + HOUR])
    def test_movement_outside_the_window_counts_on_neither_side(self, at: datetime) -> None:
        given = comparison([replace(CAPTURE, at=NOW)], [replace(CAPTURE, at=at), replace(REFUND, at=at)])
        assert (given.rows(), given.shown()) == ({}, {})

    def test_time_of_the_balance_counts_before_the_time_of_the_object(self) -> None:
        withdrawn = Movement(MovementKind.DISPUTE_WITHDRAWN, "dp_1", 1500, "sgd", NOW - 2 * HOUR)
        assert found(comparison([], [withdrawn])) == []
        assert found(comparison([], [withdrawn], {withdrawn.key: NOW})) == [("missing_here", "dispute_withdrawn")]

    def test_movement_without_a_time_has_that_of_its_row(self) -> None:
        assert found(comparison([replace(GONE, at=NOW - 2 * HOUR)], [GONE])) == []
        assert comparison([replace(GONE, at=NOW - 2 * HOUR)], [GONE]).shown() == {}
        assert comparison([TAKEN, replace(GONE, at=NOW)], [TAKEN, GONE]).shown() == {TAKEN.key: TAKEN, GONE.key: GONE}

    def test_movement_without_time_and_row_is_a_difference(self) -> None:
        assert found(comparison([TAKEN], [TAKEN, GONE])) == [("missing_here", "hold_gone")]


CAUSED_BY = {
    ("authorize_payment", "hold"),
    ("release_payment", "capture"),
    ("release_payment", "transfer"),
    ("revert_payment", "hold_gone"),
    ("revert_payment", "refund"),
    ("revert_payment", "reversal"),
    ("cancel_hold", "hold_gone"),
    ("cancel_hold", "refund"),
}


class TestUnderWay:
    @pytest.mark.parametrize("kind", list(MovementKind))
    def test_only_movements_of_the_open_command_are_under_way(self, kind: MovementKind) -> None:
        moved = replace(REFUND, kind=kind)
        difference = Difference(DifferenceKind.MISSING_HERE, PAYMENT_ID, kind, moved.proof)
        for command in (*COMMANDS, HOLD):
            under_way = is_under_way(difference, [progress(command)], moved)
            assert under_way is ((command.type, kind) in CAUSED_BY), command
        assert not is_under_way(difference, [], moved)

    def test_movements_by_others_are_not_under_way(self) -> None:
        difference = Difference(DifferenceKind.MISSING_HERE, PAYMENT_ID, REFUND.kind, REFUND.proof)
        assert not is_under_way(difference, [progress(COMMANDS[2])], replace(REFUND, by_us=False))

    @pytest.mark.parametrize("what", [what for what in DifferenceKind if what is not DifferenceKind.MISSING_HERE])
    def test_other_differences_are_not_under_way(self, what: DifferenceKind) -> None:
        difference = Difference(what, PAYMENT_ID, REFUND.kind, REFUND.proof)
        assert not is_under_way(difference, [progress(command) for command in COMMANDS], REFUND)


class TestSums:
    def test_each_side_has_every_kind_that_moves_money(self) -> None:
        sums = Sums()
        comparison([TAKEN, CAPTURE], [TAKEN, REFUND]).count(sums)
        sgd = sums.as_json()["sgd"]
        assert sgd["stripe"].keys() == sgd["ours"].keys() == set(MovementKind) - {"dispute_opened", "dispute_closed"}
        assert (sgd["stripe"]["capture"], sgd["ours"]["capture"]) == (0, 1500)
        assert (sgd["stripe"]["refund"], sgd["ours"]["refund"]) == (1, 0)

    def test_strangers_are_counted_by_object_and_currency(self) -> None:
        strangers = Strangers()
        strangers.add([TAKEN, CAPTURE])
        strangers.add([REFUND])
        strangers.add([replace(REFUND, proof="re_2", currency="jpy")])
        assert strangers.as_json() == {
            "jpy": {"objects": 1, "refund": 1},
            "sgd": {"objects": 2, "capture": 1500, "hold": 1500, "refund": 1},
        }


def test_changed_facts_exclude_sums_and_bookkeeping() -> None:
    before = payment("SUCCEEDED", "intent")
    assert changed_facts(before, replace(before, refunded=5, captured=5, event_sequence=7)) == ""
    changed = changed_facts(before, payment("REVERTED", "intent", stripe_refund_id="re_1"))
    assert changed == "status SUCCEEDED → REVERTED, stripe_refund_id none → re_1"
