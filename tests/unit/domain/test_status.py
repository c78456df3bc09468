"""The transition table, and the two places that repeat it."""

import re
from itertools import product
from pathlib import Path

import pytest

from service.domain.payment import LIVE, TRANSITIONS, UNANSWERED, PaymentStatus, TransitionError, may_become
from tests.unit.domain.facts import payment

SCHEMA = Path(__file__).parents[3] / "migrations" / "versions" / "0001_initial.sql"
TERMINAL = {PaymentStatus.FAILED, PaymentStatus.REVERTED}
ALLOWED = {(old.value, new.value) for old, following in TRANSITIONS.items() for new in following}


def test_trigger_allows_exactly_the_transitions_of_the_table() -> None:
    body = SCHEMA.read_text().split("FUNCTION refuse_unknown_transition")[1].split("$$")[1]
    assert set(re.findall(r"\('(\w+)', '(\w+)'\)", body)) == ALLOWED


def test_index_of_live_payments_has_the_live_statuses() -> None:
    (listed,) = re.findall(r"uq_payments_live_order .* IN \((.*)\)", SCHEMA.read_text())
    assert set(re.findall(r"\w+", listed)) == {status.value for status in LIVE}


def test_each_status_allows_the_transitions_of_the_contract() -> None:
    assert {
        ("INITIATING", "REQUIRES_ACTION"),
        ("INITIATING", "AUTHORIZED"),
        ("INITIATING", "SUCCEEDED"),
        ("INITIATING", "FAILED"),
        ("INITIATING", "REVERTED"),
        ("REQUIRES_ACTION", "AUTHORIZED"),
        ("REQUIRES_ACTION", "SUCCEEDED"),
        ("REQUIRES_ACTION", "FAILED"),
        ("REQUIRES_ACTION", "REVERTED"),
        ("AUTHORIZED", "SUCCEEDED"),
        ("AUTHORIZED", "REVERTED"),
        ("SUCCEEDED", "REVERTED"),
    } == ALLOWED
    assert set(PaymentStatus) - TERMINAL == LIVE
    assert UNANSWERED < LIVE


@pytest.mark.parametrize(("old", "new"), list(product(PaymentStatus, PaymentStatus)))
def test_payment_makes_only_transitions_of_the_table(old: PaymentStatus, new: PaymentStatus) -> None:
    assert may_become(old, new) == ((old.value, new.value) in ALLOWED)
    if may_become(old, new):
        assert payment(old.value).become(new, failure={"a": 1}).failure == {"a": 1}
        return
    with pytest.raises(TransitionError, match=rf"{old.value} may not become {new.value}"):
        payment(old.value).become(new)


def test_no_sequence_of_transitions_returns_to_a_status() -> None:
    for status in PaymentStatus:
        seen, ahead = set(), set(TRANSITIONS[status])
        while ahead:
            following = ahead.pop()
            seen.add(following)
            ahead |= TRANSITIONS[following] - seen
        assert status not in seen
