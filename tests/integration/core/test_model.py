"""After any sequence of everything that can happen to one order, the invariants hold, seen from outside."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from urllib3.exceptions import HTTPError

from devstack.stripe_simulator.client import (
    ControlError,
    DashboardAction,
    DisputeOutcome,
    FaultKind,
    RefundStatus,
    SimulatorControl,
)
from proofs.money_books import STRANGER
from service.domain.commands.catalog import Command
from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.domain.errors import StripeBusyError, StripeUnknownError
from tests.integration.core.hooked_gateway import HookedGateway, ProcessDeathError, die, hooked
from tests.integration.core.invariants import check_always, check_settled
from tests.support.core import CHALLENGED, DECLINED, VISA, Core, authorization, running_core
from tests.support.emptying import DELETE_ALL

ORDER = "order-1"
FAULTS: list[FaultKind] = ["drop_before", "drop_after", "error_before", "error_after", "lock_timeout", "conflict"]
OPERATIONS = [
    "*.create",
    "*.capture",
    "*.cancel",
    "*.retrieve",
    "payment_intents.list",
    "transfers.list",
    "refunds.list",
]
CALLS = ["create_intent", "find_intent", "capture", "transfer", "cancel", "reverse_transfer", "refund"]
ACTIONS: list[DashboardAction] = ["capture", "cancel", "refund", "reverse_transfer"]
AMOUNTS = {"capture": "amount_to_capture", "refund": "amount", "reverse_transfer": "amount"}
ENDS: list[DisputeOutcome] = ["won", "lost", "warning_closed", "escalated"]
EFFORT = settings(
    max_examples=25,
    stateful_step_count=20,
    phases=[Phase.generate],  # shrinking a failure takes longer than a test may, and would hide its history
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


class OneOrder(RuleBasedStateMachine):
    """A saga, its customer, Stripe, people and time, in any sequence of their actions."""

    def __init__(self, core: Core, gateway: HookedGateway) -> None:
        super().__init__()
        self.core, self.gateway = core, gateway
        core.sql(DELETE_ALL)
        core.stripe.reset()
        self.heal()
        self.sent: list[Command] = []

    def heal(self) -> None:
        """End all faults."""
        self.core.stripe.clear_faults()
        self.gateway.before.clear()
        self.gateway.after.clear()

    def drive(self, work: Callable[[], object]) -> None:
        """Run work during which the process may die."""
        with suppress(ProcessDeathError):
            work()

    def send(self, command: Command) -> None:
        self.sent.append(command)
        self.drive(partial(self.core.handle, command))

    def intents(self) -> list[str]:
        found = self.core.sql("SELECT stripe_payment_intent_id AS id FROM payments ORDER BY created_at")
        return [row["id"] for row in found if row["id"]]

    @rule(card=st.sampled_from([VISA, CHALLENGED, DECLINED]))
    def authorize(self, card: str) -> None:
        self.send(authorization(f"c-{len(self.sent)}", ORDER, card))

    @precondition(lambda self: self.sent)
    @rule(account=st.sampled_from(["acct_runner", "acct_other", "acct_missing"]))
    def release(self, account: str) -> None:
        self.send(Release(f"c-{len(self.sent)}", self.core.payment_id(ORDER), "runner-1", account))

    @rule()
    def an_order_is_paid(self) -> None:
        """Pay an order in one step, so that there is money for others to move: chance alone seldom does."""
        self.authorize(VISA)
        self.release("acct_runner")

    @precondition(lambda self: self.sent)
    @rule()
    def revert(self) -> None:
        self.send(Revert(f"c-{len(self.sent)}", self.core.payment_id(ORDER)))

    @precondition(lambda self: self.sent)
    @rule(which=st.integers(0, 7))
    def deliver_again(self, which: int) -> None:
        self.drive(partial(self.core.handle, self.sent[which % len(self.sent)]))

    @rule(kind=st.sampled_from(FAULTS), operation=st.sampled_from(OPERATIONS))
    def stripe_fails(self, kind: FaultKind, operation: str) -> None:
        self.core.stripe.fault(kind, operation)

    @rule(call=st.sampled_from(CALLS), done=st.booleans())
    def the_process_will_die(self, call: str, done: bool) -> None:
        (self.gateway.after if done else self.gateway.before)[call] = die

    @rule(pause=st.sampled_from([timedelta(minutes=1), timedelta(hours=2), timedelta(hours=25)]))
    def time_passes(self, pause: timedelta) -> None:
        for row in self.core.sql("SELECT DISTINCT correlation_id FROM commands WHERE state <> 'done'"):
            self.core.wait(row["correlation_id"], seconds=pause.total_seconds())
        self.core.expire_leases()
        self.drive(self.core.complete)

    @rule()
    def due_work_is_completed(self) -> None:
        self.core.hurry()
        self.drive(self.core.complete)

    @precondition(lambda self: self.intents())
    @rule(which=st.integers(0, 3), succeeded=st.booleans())
    def the_customer_acts(self, which: int, succeeded: bool) -> None:
        with suppress(ControlError):
            self.core.stripe.finish_challenge(self._pick(which), succeeded=succeeded)

    @precondition(lambda self: self.intents())
    @rule(which=st.integers(0, 3))
    def the_customer_tries_another_card(self, which: int) -> None:
        self.core.confirm(self._pick(which), VISA)

    @precondition(lambda self: self.sent)
    @rule()
    def a_request_comes_late(self) -> None:
        """An authorize's call arrives late at Stripe: a second intent, if there is a first one."""
        with suppress(StripeBusyError, StripeUnknownError):
            self.core.late_intent(self.core.payment_id(ORDER))

    @precondition(lambda self: self.intents())
    @rule(which=st.integers(0, 3), action=st.sampled_from(ACTIONS), part=st.sampled_from([None, 400, 1]))
    def a_person_acts(self, which: int, action: DashboardAction, part: int | None) -> None:
        limited = {AMOUNTS[action]: part} if part and action in AMOUNTS else {}
        with suppress(ControlError):
            self.core.stripe.dashboard(action, self._pick(which), **limited)

    @precondition(lambda self: self.charges())
    @rule(inquiry=st.booleans(), amount=st.sampled_from([None, 700]))
    def a_bank_disputes(self, inquiry: bool, amount: int | None) -> None:
        with suppress(ControlError):
            self.core.stripe.dispute(self.charges()[-1], inquiry=inquiry, amount=amount)

    @rule(outcome=st.sampled_from(ENDS))
    def a_bank_decides(self, outcome: DisputeOutcome) -> None:
        for dispute in self.core.ask_stripe("GET", "disputes")["data"][:1]:
            with suppress(ControlError):
                self.core.stripe.end_dispute(dispute["id"], outcome)

    @rule(last=st.sampled_from(["succeeded", "failed"]), first=st.sampled_from(["pending", "succeeded"]))
    def the_next_refund_ends(self, first: RefundStatus, last: RefundStatus) -> None:
        self.core.stripe.plan_refund(first, last)

    @rule()
    def refunds_end(self) -> None:
        self.core.stripe.settle_refunds()

    @precondition(lambda self: self.charges())
    @rule()
    def a_stranger_pays_from_the_charge(self) -> None:
        source = {"source_transaction": self.charges()[-1], "destination": STRANGER}
        self._as_stranger("transfers", {"amount": "1", "currency": "sgd", **source})

    @precondition(lambda self: self.sent)
    @rule(amount=st.sampled_from(["1500", "1700"]))
    def a_stranger_names_the_payment(self, amount: str) -> None:
        named = {"metadata[payment_id]": str(self.core.payment_id(ORDER)), "payment_method": VISA, "confirm": "true"}
        back = {"return_url": "https://shop.example/back"}
        self._as_stranger("payment_intents", {"amount": amount, "currency": "sgd", **named, **back})

    def _as_stranger(self, path: str, fields: dict[str, str]) -> None:
        with suppress(HTTPError):
            self.core.ask_stripe("POST", path, fields)

    def charges(self) -> list[str]:
        found = self.core.sql("SELECT stripe_charge_id AS id FROM payments WHERE captured > 0 ORDER BY created_at")
        return [row["id"] for row in found if row["id"]]

    def _pick(self, which: int) -> str:
        intents = self.intents()
        return intents[which % len(intents)]

    @precondition(lambda self: self.intents())
    @rule(which=st.lists(st.integers(0, 30), min_size=1, max_size=4))
    def webhooks_arrive(self, which: list[int]) -> None:
        owed = self.core.stripe_events()
        self.core.deliver(*(owed[number % len(owed)] for number in which if owed))

    def teardown(self) -> None:
        """End all faults, complete all work, deliver all events; then nothing may be open, doubled or lost."""
        check_always(self.core)
        self.heal()
        self.core.expire_leases()
        self.let_banks_decide()
        for _ in range(2):
            self.core.settle()
            self.core.hear()
        for payment in self.core.sql("SELECT * FROM payments WHERE status = 'REVERTED' ORDER BY created_at"):
            self.core.revert(payment["payment_id"], f"c-last-{payment['payment_id']}")
        self.core.hear()
        check_settled(self.core)

    def let_banks_decide(self) -> None:
        for dispute in self.core.ask_stripe("GET", "disputes?limit=100")["data"]:
            with suppress(ControlError):
                self.core.stripe.end_dispute(dispute["id"], "won")
        self.core.stripe.settle_refunds()


@pytest.mark.parametrize("deadline", [timedelta(hours=1), timedelta(days=30)], ids=["hour", "month"])
def test_invariants_hold_after_any_history(
    emptied_database: str, simulated_stripe: SimulatorControl, deadline: timedelta
) -> None:
    gateway = hooked(emptied_database, simulated_stripe)
    with running_core(emptied_database, simulated_stripe, gateway, command_deadline=deadline) as core:

        class ThisOrder(OneOrder):
            def __init__(self) -> None:
                super().__init__(core, gateway)

        run_state_machine_as_test(ThisOrder, settings=EFFORT)
