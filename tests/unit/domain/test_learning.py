"""Each movement is learned once, for any number of looks and any parts that they show."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.intent_state import Observed, Seen
from service.domain.learning import Situation, learn_intent, learn_picture, learn_stray
from service.domain.ledger import Proof
from service.domain.movements import of_picture
from service.domain.payment import Payment
from service.domain.stripe_objects import IntentStatus, Picture
from tests.models import stripe_side
from tests.models.modeled_gateway import ModeledGateway
from tests.unit.domain.facts import NO_SUMS, NOW, OURS, intent, payment, picture, reversal, transfer

PROPERTY = settings(derandomize=True, deadline=None, max_examples=100)
PICKS = st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=12)
HELD = Picture(intent(charge_id="ch_1", payment_id=OURS))


def grown(picks: list[tuple[int, bool]]) -> Iterator[tuple[Picture, bool]]:
    """A history of Stripe's side, with changes by others and by the service. A look may follow each change."""
    side = HELD
    for pick, is_looked_at in picks:
        following = [*stripe_side.strangers(side), *stripe_side.time(side), *_by_us(side)]
        if following:
            side = following[pick % len(following)][1]
        yield side, is_looked_at


def _by_us(side: Picture) -> stripe_side.Moves:
    left = stripe_side.refundable(side)
    if left and not stripe_side.charged_back(side):
        yield "refunded by us", stripe_side.refunded(side, left, OURS, "pending")
    if left and not side.transfers:
        yield "transferred by us", stripe_side.transferred(side, "acct_runner", side.intent.received)
    for sent in side.transfers:
        if stripe_side.left_of(sent):
            yield "reversed by us", stripe_side.reversed_(side, sent.id, stripe_side.left_of(sent), OURS)


def learnt(before: Payment, pictures: list[Picture], *, revert_open: bool = False) -> tuple[Payment, list[str]]:
    """The payment after these looks in turn, and its news events."""
    known: frozenset[Proof] = frozenset()
    news: list[str] = []
    for side in pictures:
        seen = learn_picture(before, ModeledGateway(side).look_at("pi_1"), Situation(NOW, revert_open, known))
        assert not seen.look
        before, known = seen.payment, known | {movement.key for movement in seen.movements}
        news += [answer.news or "an outcome" for answer in seen.answers]
    return before, news


@pytest.mark.parametrize("status", ["AUTHORIZED", "FAILED", "REVERTED"])
@pytest.mark.parametrize("revert_open", [False, True])
@PROPERTY
@given(picks=PICKS)
def test_any_number_of_looks_gives_each_news_once_and_the_sums_of_the_last_look(
    status: str, revert_open: bool, picks: list[tuple[int, bool]]
) -> None:
    sides = list(grown(picks))
    last = sides[-1][0] if sides else HELD
    looks = [side for side, is_looked_at in sides if is_looked_at]
    before = payment(status, "intent charge", failure={"error": "X"})
    after, news = learnt(before, [*looks, last, last], revert_open=revert_open)
    assert len(set(news)) == len(news)
    assert "an outcome" not in news
    assert after.money == learnt(before, [last], revert_open=revert_open)[0].money == stripe_side.money_of(last)


@PROPERTY
@given(picks=PICKS)
def test_look_without_new_movements_changes_nothing(picks: list[tuple[int, bool]]) -> None:
    *_, (last, _looked_at) = [(HELD, True), *grown(picks)]
    after, _news = learnt(payment("AUTHORIZED", "intent charge"), [last])
    known = frozenset(movement.key for movement in of_picture(after, ModeledGateway(last).look_at("pi_1")))
    again = learn_picture(after, ModeledGateway(last).look_at("pi_1"), Situation(NOW, known=known))
    assert again == Observed(after, cancel_hold=again.cancel_hold)


class TestSumsThatDoNotAddUp:
    """An object arrives before another one, or the payment is older than its ledger."""

    def test_no_movement_is_learned_and_a_look_is_due(self) -> None:
        before = payment("SUCCEEDED", "intent charge captured transfer", **NO_SUMS)
        sent = of_picture(before, picture(transfers=(transfer(),)))
        seen = learn_picture(
            before,
            picture(transfers=(transfer(reversal()),)),
            Situation(NOW, known=frozenset(movement.key for movement in sent)),
        )
        assert (seen.movements, seen.look, seen.payment.money) == ((), True, before.money)

    def test_payment_older_than_its_ledger_learns_all_from_one_look(self) -> None:
        before = payment("SUCCEEDED", "intent charge captured transfer", **NO_SUMS)
        seen = learn_picture(before, picture(transfers=(transfer(),)), Situation(NOW))
        assert (seen.payment, seen.look) == (payment("SUCCEEDED", "intent charge captured transfer"), False)


def test_intent_without_its_charge_causes_a_look() -> None:
    seen = learn_intent(payment("INITIATING", ""), Seen.HELD, intent(), Situation(NOW))
    assert (seen.look, seen.payment.status, seen.movements) == (True, "AUTHORIZED", ())
    shown = learn_intent(payment("INITIATING", ""), Seen.HELD, intent(charge_id="ch_1"), Situation(NOW))
    assert (shown.look, shown.payment.held) == (False, 1500)


def test_second_intent_counts_in_no_sum() -> None:
    second = intent(IntentStatus.SUCCEEDED, id="pi_2", charge_id="ch_2")
    seen = learn_stray(payment(), Picture(second), Situation(NOW))
    assert seen.payment == payment()
    assert [(movement.key, movement.stray) for movement in seen.movements] == [
        (("hold", "ch_2"), True),
        (("capture", "ch_2"), True),
    ]


@pytest.mark.parametrize(("captures", "cancels"), [(False, False), (True, False), (False, True)])
def test_capture_and_end_of_hold_during_a_step_are_by_the_service(captures: bool, cancels: bool) -> None:
    taken = intent(IntentStatus.SUCCEEDED, charge_id="ch_1", received=500)
    seen = learn_intent(payment(), Seen.CAPTURED, taken, Situation(NOW, captures=captures, cancels=cancels))
    by_us = {"hold": True, "capture": captures, "hold_gone": captures or cancels}
    assert {movement.kind.value: movement.by_us for movement in seen.movements} == by_us


def test_movement_without_a_time_has_the_time_of_learning() -> None:
    (held,) = learn_intent(payment(), Seen.HELD, intent(charge_id="ch_1"), Situation(NOW)).movements
    assert held.at == NOW
