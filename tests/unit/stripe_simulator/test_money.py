"""Amount limits per currency."""

import pytest

from tests.unit.stripe_simulator.conftest import Api


@pytest.mark.parametrize(
    ("currency", "amount", "code"),
    [
        ("sgd", 49, "amount_too_small"),
        ("sgd", 50, None),
        ("sgd", 99_999_999, None),
        ("sgd", 100_000_000, "amount_too_large"),
        ("jpy", 49, "amount_too_small"),
        ("jpy", 50, None),
        ("hkd", 399, "amount_too_small"),
        ("kwd", 1005, "invalid_charge_amount"),
        ("kwd", 1000, None),
        ("isk", 550, "invalid_charge_amount"),
        ("ugx", 101, "invalid_charge_amount"),
        ("idr", 999_999_999_999, None),
        ("idr", 1_000_000_000_000, "amount_too_large"),
        ("SGD", 50, None),
    ],
)
def test_amount_outside_the_limits_is_refused(api: Api, currency: str, amount: int, code: str | None) -> None:
    params = {"amount": amount, "currency": currency}
    if code is None:
        assert api.post("payment_intents", params)["currency"] == currency.lower()
    else:
        assert api.refused(400, "payment_intents", params)["code"] == code


@pytest.mark.parametrize(
    ("currency", "text"), [("sgd", "0.50 SGD"), ("jpy", "50 JPY"), ("kwd", "99999.999 KWD"), ("usd", "0.50 USD")]
)
def test_message_shows_the_amount_in_its_currency(api: Api, currency: str, text: str) -> None:
    amount = 10**9 if currency == "kwd" else 1
    assert text in api.refused(400, "payment_intents", {"amount": amount, "currency": currency})["message"]
