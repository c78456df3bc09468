"""A user's totals as callers see them."""

import json
from decimal import Decimal

import pytest
from flask.testing import FlaskClient

from service.storage.reads import CurrencyTotals
from service.usecases.queries import History
from tests.unit.api.fakes import World, app_of


def test_history_of_several_currencies(client: FlaskClient, world: World) -> None:
    totals = [CurrencyTotals("sgd", 1, 2, 3, 4), CurrencyTotals("usd", 5, 6, 7, 8)]
    world.history = History("user/1", "sgd", 1, 2, 10, 12, totals)
    assert client.get("/history/user%2F1").json == {
        "userId": "user/1",
        "totalSpent": 1,
        "totalEarned": 2,
        "spentCount": 10,
        "earnedCount": 12,
        "byCurrency": {
            "sgd": {"totalSpent": 1, "totalEarned": 2, "spentCount": 3, "earnedCount": 4},
            "usd": {"totalSpent": 5, "totalEarned": 6, "spentCount": 7, "earnedCount": 8},
        },
    }
    assert world.asked == ["user/1"]


def _in_major_units(world: World, currency: str, spent: int, earned: int) -> str:
    totals = [CurrencyTotals(currency, spent, earned, 1, 1)]
    world.history = History("u", currency, spent, earned, 1, 1, totals)
    return app_of(world, history_unit="major").test_client().get("/history/u").text


@pytest.mark.parametrize(
    ("currency", "minor", "major"),
    [
        ("sgd", 1230, "12.30"),
        ("sgd", 5, "0.05"),
        ("sgd", 0, "0.00"),
        ("jpy", 1230, "1230"),
        ("kwd", 1230, "1.230"),
        ("isk", 1200, "12.00"),
        ("ugx", 1200, "12.00"),
        ("sgd", 2**70 + 1, "11805916207174113034.25"),
    ],
)
def test_history_in_major_units_is_exact(world: World, currency: str, minor: int, major: str) -> None:
    text = _in_major_units(world, currency, minor, 0)
    assert text.count(f'"totalSpent":{major},') == 2
    body = json.loads(text, parse_float=Decimal)
    assert body["totalSpent"] == body["byCurrency"][currency]["totalSpent"] == Decimal(major)
    assert body["spentCount"] == 1


def test_amounts_in_major_units_are_exact_json_numbers(world: World) -> None:
    """The sum of three binary fractions 0.10 would be 0.30000000000000004."""
    body = json.loads(_in_major_units(world, "sgd", 3 * 10, 1_234_567_890_123_456_789), parse_float=str)
    assert (body["totalSpent"], body["totalEarned"]) == ("0.30", "12345678901234567.89")


def test_each_total_has_the_unit_of_its_currency(world: World) -> None:
    totals = [CurrencyTotals("jpy", 500, 0, 1, 0), CurrencyTotals("kwd", 1500, 0, 1, 0)]
    world.history = History("u", "kwd", 1500, 0, 2, 0, totals)
    text = app_of(world, history_unit="major").test_client().get("/history/u").text
    assert text.startswith('{"userId":"u","totalSpent":1.500,')
    assert '"jpy":{"totalSpent":500,' in text


def test_history_is_in_minor_units_by_default(client: FlaskClient, world: World) -> None:
    world.history = History("u", "sgd", 1230, 2**64, 1, 1, [CurrencyTotals("sgd", 1230, 2**64, 1, 1)])
    text = client.get("/history/u").text
    assert text.startswith('{"userId":"u","totalSpent":1230,"totalEarned":18446744073709551616,')
