"""The next step of each command, in every status with every set of facts."""

from dataclasses import replace
from datetime import timedelta
from itertools import chain, combinations

import pytest

from service.domain.commands.catalog import StoredCommand, plan
from service.domain.ledger import Ledger, Recorded
from service.domain.next_step import Call, Clock, Next, Settled, Step, Waiting
from service.domain.payment import Payment, PaymentStatus
from tests.unit.domain.facts import (
    AUTHORIZE,
    COMMANDS,
    FACTS,
    HOLD,
    NO_SUMS,
    NOW,
    POLICY,
    RELEASE,
    REVERT,
    payment,
    summaries,
)

CLOCK = Clock(NOW, NOW)
OTHER_RUNNER = replace(RELEASE, runner_id="runner-2", runner_connect_account_id="acct_other")
REFUSED = "payment.failed INVALID_STATE"
REVERTED = "revert_payment payment.reverted REVERTED"
BOTH = "authorize_payment payment.failed STRIPE_PAYMENT_CANCELED, " + REVERTED
SUBSETS = [" ".join(some) for some in chain.from_iterable(combinations(FACTS, n) for n in range(len(FACTS) + 1))]


def _said(following: Next) -> str:
    match following:
        case Call():
            return f"{following.step} {following.mode}"
        case Waiting():
            return "waits"
        case Settled():
            return ", ".join(summaries(following)) or "settled"


AUTHORIZES = {
    ("INITIATING", ""): "create_intent act",
    ("INITIATING", "intent"): "waits",
    ("REQUIRES_ACTION", "intent"): "waits",
    ("AUTHORIZED", "intent charge"): "settled",
    ("SUCCEEDED", "intent charge captured"): "settled",
    ("FAILED", ""): "settled",
    ("REVERTED", "intent canceled"): "settled",
}
RELEASES = {
    ("INITIATING", ""): f"release_payment {REFUSED}",
    ("REQUIRES_ACTION", "intent"): f"release_payment {REFUSED}",
    ("AUTHORIZED", "intent charge"): "capture act",
    ("AUTHORIZED", "intent charge captured"): "transfer act",
    ("AUTHORIZED", "intent captured"): "capture look",
    ("AUTHORIZED", "intent charge canceled"): f"release_payment {REFUSED}",
    ("SUCCEEDED", "intent charge captured"): "transfer act",
    ("SUCCEEDED", "intent captured"): "capture look",
    ("SUCCEEDED", "intent charge captured transfer"): "release_payment payment.released SUCCEEDED",
    ("SUCCEEDED", "intent charge captured transfer reversal"): "transfer act",
    ("FAILED", "intent"): f"release_payment {REFUSED}",
    ("FAILED", "intent canceled"): f"release_payment {REFUSED}",
    ("REVERTED", "intent canceled"): f"release_payment {REFUSED}",
    ("REVERTED", "intent charge captured transfer reversal refund"): f"release_payment {REFUSED}",
}
REVERTS = {
    ("INITIATING", "intent"): "cancel act",
    ("INITIATING", "intent captured charge"): "refund act",
    ("INITIATING", "intent canceled"): BOTH,
    ("REQUIRES_ACTION", "intent"): "cancel act",
    ("REQUIRES_ACTION", "intent canceled"): BOTH,
    ("REQUIRES_ACTION", "intent captured charge refund"): BOTH,
    ("AUTHORIZED", "intent charge"): "cancel act",
    ("AUTHORIZED", "intent charge canceled"): REVERTED,
    ("AUTHORIZED", "intent charge captured"): "refund act",
    ("AUTHORIZED", "intent charge captured refund"): REVERTED,
    ("SUCCEEDED", "intent charge captured"): "refund act",
    ("SUCCEEDED", "intent charge captured transfer"): "reverse_transfer act",
    ("SUCCEEDED", "intent charge captured transfer reversal"): "refund act",
    ("SUCCEEDED", "intent charge captured transfer reversal refund"): REVERTED,
    ("FAILED", ""): f"revert_payment {REFUSED}",
    ("FAILED", "intent canceled"): f"revert_payment {REFUSED}",
    ("REVERTED", "intent canceled"): REVERTED,
    ("REVERTED", "intent charge captured transfer reversal refund"): REVERTED,
}
TABLE = [
    (command, *case, wanted)
    for command, table in ((AUTHORIZE, AUTHORIZES), (RELEASE, RELEASES), (REVERT, REVERTS))
    for case, wanted in table.items()
]


@pytest.mark.parametrize(("command", "status", "facts", "wanted"), TABLE)
def test_next_step_of_each_command_in_each_state(command: StoredCommand, status: str, facts: str, wanted: str) -> None:
    assert _said(plan(command, payment(status, facts), POLICY, CLOCK)) == wanted


def test_release_to_another_account_is_refused() -> None:
    following = plan(OTHER_RUNNER, payment("SUCCEEDED", "intent charge captured transfer"), POLICY, CLOCK)
    assert _said(following) == "release_payment payment.failed ALREADY_RELEASED"


EFFECT_OF = {
    Step.CREATE_INTENT: "intent",
    Step.CAPTURE: "captured",
    Step.TRANSFER: "transfer",
    Step.CANCEL: "canceled",
    Step.REVERSE: "reversal",
    Step.REFUND: "refund",
}
MAY_DO = {
    AUTHORIZE: {Step.CREATE_INTENT, Step.CANCEL},
    RELEASE: {Step.CAPTURE, Step.TRANSFER},
    REVERT: {Step.CANCEL, Step.REVERSE, Step.REFUND},
}


def _may_be(status: PaymentStatus, facts: set[str]) -> bool:
    """Whether the database accepts these facts in this status, and a single write can leave them."""
    if "transfer" in facts and (status is PaymentStatus.AUTHORIZED or "captured" not in facts):
        return False
    return not ("reversal" in facts and "transfer" not in facts)


def _is_due(step: Step, facts: set[str]) -> bool:
    """Whether the step is not done yet; a transfer that was fully reversed may be made again."""
    return EFFECT_OF[step] not in facts or (step is Step.TRANSFER and "reversal" in facts)


@pytest.mark.parametrize("sums", [{}, NO_SUMS], ids=["", "older than its ledger"])
@pytest.mark.parametrize("status", PaymentStatus)
@pytest.mark.parametrize("command", COMMANDS)
def test_all_facts_give_a_valid_plan(command: StoredCommand, status: PaymentStatus, sums: dict[str, int]) -> None:
    """No set of facts makes a plan fail, repeat a step that is done, or change a payment that owes nothing."""
    for facts in filter(lambda subset: _may_be(status, set(subset.split())), SUBSETS):
        before = payment(status.value, facts, **sums)
        following = plan(command, before, POLICY, CLOCK)
        if isinstance(following, Call):
            assert following.step in MAY_DO[command]
            assert following.mode == "look" or _is_due(following.step, set(facts.split())), facts
            assert status is not PaymentStatus.FAILED
            assert status is not PaymentStatus.REVERTED or _owes(before, following.step)
        if isinstance(following, Settled) and command is not AUTHORIZE:
            answered = [a.correlation_id for a in following.answers if a.command_type == command.type]
            assert answered == [command.correlation_id]
        if isinstance(following, Settled) and following.payment.status is not status:
            assert (command, following.payment.status) == (REVERT, PaymentStatus.REVERTED)


def _owes(reverted: Payment, step: Step) -> bool:
    """Whether the step gives back money that a reverted payment still has."""
    return {Step.REVERSE: reverted.money.outstanding, Step.REFUND: reverted.money.left}[step] > 0


def test_revert_keeps_its_reason_and_the_failure_of_the_authorize() -> None:
    following = plan(REVERT, payment("REQUIRES_ACTION", "intent canceled"), POLICY, CLOCK)
    assert isinstance(following, Settled)
    assert following.payment.revert_reason == "changed my mind"
    assert following.payment.failure is not None
    assert following.payment.failure["error"] == "STRIPE_PAYMENT_CANCELED"
    held = payment("AUTHORIZED", "intent canceled", failure={"error": "STRIPE_ERROR"})
    following = plan(REVERT, held, POLICY, CLOCK)
    assert isinstance(following, Settled)
    assert following.payment.failure is None


class TestTheCustomersTime:
    def _at(self, hours: float) -> Next:
        return plan(AUTHORIZE, payment("REQUIRES_ACTION"), POLICY, Clock(NOW + timedelta(hours=hours), NOW))

    def test_waiting_payment_is_looked_at_repeatedly(self) -> None:
        assert self._at(1) == Waiting(NOW + timedelta(hours=1, minutes=15))

    @pytest.mark.parametrize(("waited", "pause"), [(0, 15), (15, 15), (30, 30), (240, 240), (899, 899), (1800, 900)])
    def test_first_look_is_early(self, waited: int, pause: int) -> None:
        """Most customers finish within a minute or two, and a webhook may be lost."""
        assert self._at(waited / 3600) == Waiting(NOW + timedelta(seconds=waited + pause))

    def test_setting_bounds_the_time_between_looks(self) -> None:
        policy, seconds = replace(POLICY, look_again=timedelta(seconds=4)), timedelta(seconds=100)
        following = plan(AUTHORIZE, payment("REQUIRES_ACTION"), policy, Clock(NOW + seconds, NOW))
        assert following == Waiting(NOW + seconds + policy.look_again)

    def test_last_look_is_at_the_deadline(self) -> None:
        assert self._at(23.9) == Waiting(NOW + timedelta(hours=24))

    @pytest.mark.parametrize("hours", [24, 24.1, 1000])
    def test_hold_is_canceled_at_the_deadline(self, hours: float) -> None:
        assert self._at(hours) == Call(Step.CANCEL)

    @pytest.mark.parametrize("facts", ["intent canceled", "intent captured", "intent captured refund"])
    def test_ended_payment_waits_for_the_open_revert(self, facts: str) -> None:
        now = NOW + timedelta(hours=30)
        following = plan(AUTHORIZE, payment("REQUIRES_ACTION", facts), POLICY, Clock(now, NOW))
        assert following == Waiting(now + timedelta(minutes=15))


class TestAHold:
    def test_hold_that_is_known_to_have_ended_is_not_canceled(self) -> None:
        assert plan(HOLD, payment("FAILED", "intent canceled"), POLICY, CLOCK) == Settled(
            payment("FAILED", "intent canceled")
        )

    @pytest.mark.parametrize("facts", ["intent", "intent captured", ""])
    def test_hold_is_canceled(self, facts: str) -> None:
        assert plan(HOLD, payment("FAILED", facts), POLICY, CLOCK) == Call(Step.CANCEL)

    def test_hold_of_a_second_intent_is_canceled_though_the_payments_own_is_gone(self) -> None:
        stray = replace(HOLD, correlation_id="pi_stray")
        assert plan(stray, payment("REVERTED", "intent canceled"), POLICY, CLOCK) == Call(Step.CANCEL)

    @pytest.mark.parametrize(
        ("movements", "wanted"),
        [
            ("hold", Call(Step.CANCEL)),
            ("hold hold_gone", None),
            ("hold capture", Call(Step.REFUND)),
            ("hold capture refund", None),
            ("hold capture refund refund_failed", Call(Step.REFUND)),
            ("hold capture dispute_opened dispute_withdrawn", Call(Step.REFUND)),
            ("hold capture dispute_opened dispute_withdrawn dispute_closed", None),
        ],
    )
    @pytest.mark.parametrize("intent_id", ["pi_1", "pi_stray"])
    def test_cancel_hold_continues_until_the_intent_keeps_no_money(
        self, movements: str, wanted: Call | None, intent_id: str
    ) -> None:
        failed, hold = payment("FAILED"), replace(HOLD, correlation_id=intent_id)
        others = Recorded("hold", "ch_other", 1500, "pi_other")
        known = Ledger((others, *(Recorded(kind, "ch_1", 1500, intent_id) for kind in movements.split())))
        assert plan(hold, failed, POLICY, CLOCK, known) == (wanted or Settled(failed))
