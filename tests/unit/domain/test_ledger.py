"""Money as the sum of its movements."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.ledger import SUMS, Money, Movement, MovementKind
from tests.unit.domain.facts import payment

PROPERTY = settings(derandomize=True, deadline=None)
AMOUNTS = st.integers(1, 10**12)
MOVEMENTS = st.lists(
    st.builds(Movement, st.sampled_from(MovementKind), st.sampled_from("abc"), AMOUNTS, st.just("sgd")),
    unique_by=lambda movement: movement.key,
    max_size=12,
)


def heard(movements: list[Movement]) -> Money:
    """The sums of movements that arrive one by one; known ones are skipped."""
    money, known = Money(), set()
    for movement in movements:
        money = money.after([movement] if movement.key not in known else [])
        known.add(movement.key)
    return money


@PROPERTY
@given(MOVEMENTS, st.data())
def test_order_and_repetition_of_movements_do_not_change_the_sums(
    movements: list[Movement], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(movements), max_size=6)) if movements else []
    assert heard(data.draw(st.permutations(movements + again))) == Money().after(movements)


@PROPERTY
@given(MOVEMENTS)
def test_movements_of_second_intents_count_in_no_sum(movements: list[Movement]) -> None:
    strays = [replace(movement, stray=True) for movement in movements]
    assert Money(1, 2, 3).after(strays) == Money(1, 2, 3)
    assert payment().with_movements(strays) == payment()


@PROPERTY
@given(MOVEMENTS)
def test_the_payment_carries_the_sums_of_its_movements(movements: list[Movement]) -> None:
    assert payment("AUTHORIZED", "").with_movements(movements).money == Money().after(movements)


@pytest.mark.parametrize("kind", MovementKind)
def test_every_kind_of_movement_is_in_a_sum(kind: MovementKind) -> None:
    assert Money().after([Movement(kind, "proof", 7, "sgd")]) == Money(
        **{n: sign * 7 for n, sign in SUMS[kind].items()}
    )


@pytest.mark.parametrize(
    ("money", "adds_up"),
    [
        (Money(), True),
        (Money(held=1500), True),
        (Money(captured=1500, refunded=1500, disputed=1500, contested=1, transferred=1500, reversed=1500), True),
        (Money(transferred=1500), True),
        (Money(held=-1), False),
        (Money(captured=-1), False),
        (Money(captured=1, refunded=-1), False),
        (Money(disputed=-1), False),
        (Money(contested=-1), False),
        (Money(transferred=1, reversed=-1), False),
        (Money(captured=1500, refunded=1501), False),
        (Money(transferred=1500, reversed=1501), False),
    ],
)
def test_sums_do_not_add_up_if_more_is_returned_than_was_sent(money: Money, adds_up: bool) -> None:
    assert money.adds_up == adds_up


@pytest.mark.parametrize(
    ("money", "left", "all_back", "outstanding"),
    [
        (Money(), 0, False, 0),
        (Money(held=1500), 0, False, 0),
        (Money(captured=1500), 1500, False, 0),
        (Money(captured=1500, refunded=500), 1000, False, 0),
        (Money(captured=1500, refunded=1500), 0, True, 0),
        (Money(captured=1500, disputed=1500, contested=1500), 0, False, 0),
        (Money(captured=1500, disputed=1500), 0, True, 0),
        (Money(captured=1500, refunded=500, disputed=1000), 0, True, 0),
        (Money(captured=1500, refunded=1500, disputed=1500), -1500, True, 0),
        (Money(captured=1500, transferred=1500, reversed=400), 1500, False, 1100),
    ],
)
def test_left_all_back_and_outstanding(money: Money, left: int, all_back: bool, outstanding: int) -> None:
    assert (money.left, money.is_all_back, money.outstanding) == (left, all_back, outstanding)


class TestTheCurrencyOfTransfers:
    def test_first_transfer_sets_the_currency(self) -> None:
        sent = Movement(MovementKind.TRANSFER, "tr_1", 900, "usd")
        assert payment().with_movements([sent]).transfer_currency == "usd"
        assert payment(transfer_currency="eur").with_movements([sent]).transfer_currency == "eur"

    def test_captures_and_second_intents_do_not_set_the_currency(self) -> None:
        held = Movement(MovementKind.HOLD, "ch_1", 1500, "sgd")
        stray = Movement(MovementKind.TRANSFER, "tr_9", 900, "usd", stray=True)
        assert payment().with_movements([held, stray]).transfer_currency is None
