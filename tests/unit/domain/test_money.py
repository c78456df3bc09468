"""Amounts that Stripe accepts, and the reasons against others."""

import pytest

from service.domain.money import (
    CURRENCIES,
    MINIMUM,
    THREE_DECIMAL,
    TWO_DECIMAL,
    ZERO_DECIMAL,
    Money,
    amount_fault,
    is_currency,
)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        (1500, "sgd"),
        (50, "usd"),
        (50, "jpy"),
        (99_999_999, "sgd"),
        (99_999_999, "jpy"),
        (99_999_990, "kwd"),
        (1, "afn"),
        (999_999_999_999, "idr"),
        (500, "isk"),
        (100, "ugx"),
    ],
)
def test_amount_is_accepted(amount: int, currency: str) -> None:
    assert amount_fault(Money(amount, currency)) is None


@pytest.mark.parametrize(
    ("amount", "currency", "why"),
    [
        (0, "sgd", "positive"),
        (-5, "sgd", "positive"),
        (0, "afn", "positive"),
        (49, "sgd", "minimum of 50"),
        (49, "jpy", "minimum of 50"),
        (29, "gbp", "minimum of 30"),
        (100_000_000, "sgd", "8 digits"),
        (100_000_000, "jpy", "8 digits"),
        (10**30, "sgd", "8 digits"),
        (1001, "kwd", "end in 0"),
        (1005, "bhd", "end in 0"),
        (1_000_000_000_000, "idr", "12 digits"),
        (550, "isk", "end in 00"),
        (101, "ugx", "end in 00"),
    ],
)
def test_amount_is_refused(amount: int, currency: str, why: str) -> None:
    fault = amount_fault(Money(amount, currency))
    assert fault is not None
    assert why in fault


@pytest.mark.parametrize("code", ["sgd", "jpy", "kwd"])
def test_currency_is_accepted(code: str) -> None:
    assert is_currency(code)


@pytest.mark.parametrize("code", ["SGD", "xxx", "", "sg", "bitcoin"])
def test_currency_is_refused(code: str) -> None:
    assert not is_currency(code)


def test_each_currency_has_one_kind_of_minor_unit() -> None:
    assert len(CURRENCIES) == len(ZERO_DECIMAL) + len(TWO_DECIMAL) + len(THREE_DECIMAL)
    assert set(MINIMUM) <= CURRENCIES
