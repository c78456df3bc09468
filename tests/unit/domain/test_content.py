"""When two commands under one command key are the same command."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from service.domain.commands.authorize import Authorize
from service.domain.commands.catalog import Command, content_of, restore
from service.domain.commands.revert import Revert
from service.domain.content import Content

AUTHORIZE = Authorize("c", "order", "customer", "pm", 1500, "sgd", "cus", "two coffees", "https://campus.example")
REVERT = Revert("c", UUID(int=1), "too late")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (REVERT, replace(REVERT, reason="the runner did not come")),
        (REVERT, replace(REVERT, reason=None)),
        (AUTHORIZE, replace(AUTHORIZE, description=None)),
    ],
)
def test_changed_free_text_is_the_same_content(one: Command, other: Command) -> None:
    assert Content.of(one).is_same(Content.of(other))


@pytest.mark.parametrize(
    "changed",
    [
        {"amount": 1501},
        {"currency": "usd"},
        {"order_id": "other"},
        {"customer_id": "other"},
        {"payment_method_id": "other"},
        {"stripe_customer_id": None},
        {"return_url": "https://elsewhere.example"},
    ],
)
def test_changed_field_with_an_effect_is_other_content(changed: dict[str, Any]) -> None:
    assert not Content.of(AUTHORIZE).is_same(Content.of(replace(AUTHORIZE, **changed)))


@pytest.mark.parametrize("tip", [None, 5])
def test_optional_field_unknown_to_one_release_is_the_same_content(tip: int | None) -> None:
    """One was stored before an upgrade and the other sent after it, or the reverse."""
    stored = Content(b"of another release", {**content_of(AUTHORIZE), "tip": tip})
    assert Content.of(AUTHORIZE).is_same(stored)
    assert stored.is_same(Content.of(AUTHORIZE))


def test_unreadable_content_is_compared_by_its_fingerprint() -> None:
    assert Content(b"1").is_same(Content(b"1"))
    assert not Content(b"1").is_same(Content(b"2"))
    assert not Content(b"1").is_same(Content.of(REVERT))


def test_row_of_a_later_release_is_read_without_its_unknown_fields() -> None:
    content = {**content_of(REVERT), "refund_fee": True}
    assert restore(REVERT.type, REVERT.correlation_id, content) == REVERT
