"""The metrics about the whole database agree with the work of a core."""

from collections.abc import Callable, Mapping
from uuid import UUID

import pytest

from service.storage import figures, operator_money
from service.storage.engine import transaction
from service.storage.figures import COUNTED_ROWS, Figures
from tests.integration.core.invariants import check_settled
from tests.support.core import CHALLENGED, Core

pytestmark = pytest.mark.postgres

Read = Callable[[Callable[..., Figures]], Figures]
Owed = Callable[[], Mapping[tuple[str, ...], float]]
AUTHORIZE, CANCEL = "authorize_payment", "cancel_hold"


@pytest.fixture
def read_owed(core: Core, read: Read) -> Owed:
    """The owed money by the metrics. Except for undecided money, an audit of every payment finds the same."""

    def owed() -> Mapping[tuple[str, ...], float]:
        found = read(figures.money)["money_owed"]
        with transaction(core.database) as connection:
            audited = [(debt["currency"], debt["to"], debt["amount"]) for debt in operator_money.owed(connection)]
        assert audited == [(*key, amount) for key, amount in found.items() if key[1] != "undecided"]
        return found

    return owed


@pytest.fixture
def read(core: Core) -> Read:
    """Reads one group of figures, as the reader does."""

    def of(group: Callable[..., Figures]) -> Figures:
        with transaction(core.database) as connection:
            return group(connection)

    return of


def test_open_commands_are_counted_by_type_and_state_with_the_age_of_the_oldest(core: Core, read: Read) -> None:
    empty = read(figures.work)
    assert set(empty["commands_open"].values()) == set(empty["commands_oldest_open_seconds"].values()) == {0}
    core.stripe.fault("drop_before", "payment_intents.create", times=None)
    core.authorize("c-1", "order-1")
    core.authorize("c-2", "order-2")
    core.stripe.clear_faults()
    core.authorize("c-3", "order-3", card=CHALLENGED)
    core.sql("UPDATE commands SET received_at = now() - interval '90 s' WHERE correlation_id = 'c-1'")
    found = read(figures.work)
    assert {key: number for key, number in found["commands_open"].items() if number} == {
        (AUTHORIZE, "pending"): 2,
        (AUTHORIZE, "waiting"): 1,
    }
    assert 90 <= found["commands_oldest_open_seconds"][AUTHORIZE, "pending"] < 900
    assert found["commands_oldest_open_seconds"][AUTHORIZE, "waiting"] < 90


def test_a_hold_to_cancel_is_counted_until_it_is_gone(core: Core, read: Read) -> None:
    payment = core.authorize(card=CHALLENGED)
    core.stripe.finish_challenge(core.intent(payment), succeeded=False)
    core.hear()
    core.stripe.fault("refuse", "payment_intents.cancel", code="charge_disputed", times=2)
    core.late_intent(payment)
    core.deliver(*core.stripe_events())
    core.complete()
    assert read(figures.work)["holds_to_cancel"] == {(): 1}
    core.settle()
    assert read(figures.work)["holds_to_cancel"] == {(): 0}
    check_settled(core)


def test_rows_that_no_relay_has_settled_count_as_waiting(core: Core, read: Read) -> None:
    for number in range(5):
        core.authorize(f"c-{number}", f"order-{number}")
    (first,) = core.sql("SELECT min(position) AS position FROM outbox")
    low = first["position"]
    assert read(figures.work)["outbox_waiting_rows"] == {(): 5}
    core.sql(
        "INSERT INTO relay_checkpoints (relay, low, ranges, system_identifier, timeline) "
        f"VALUES ('r', {low}, '[[{low + 2}, {low + 2}]]', 1, 1)"
    )
    found = read(figures.work)
    assert found["outbox_waiting_rows"] == {(): 3}
    assert found["outbox_oldest_waiting_seconds"][()] > 0
    core.sql(f"UPDATE relay_checkpoints SET low = {low + 4}, ranges = '[]'")
    found = read(figures.work)
    assert (found["outbox_waiting_rows"], found["outbox_oldest_waiting_seconds"]) == ({(): 0}, {(): 0})


def test_a_long_outbox_is_counted_by_its_positions(core: Core, read: Read) -> None:
    core.sql(
        "INSERT INTO outbox (event_id, topic, key, type, value, headers) SELECT gen_random_uuid(), 't', 'k', 'x', '', "
        f"'[]' FROM generate_series(1, {COUNTED_ROWS + 5})"
    )
    (first,) = core.sql("SELECT min(position) AS position FROM outbox")
    core.sql(
        "INSERT INTO relay_checkpoints (relay, low, system_identifier, timeline) "
        f"VALUES ('r', {first['position'] + 1}, 1, 1)"
    )
    assert read(figures.work)["outbox_waiting_rows"] == {(): COUNTED_ROWS + 3}


def test_dead_letters_are_counted_while_they_are_open(core: Core, read: Read) -> None:
    for number, state in enumerate(("open", "open", "discarded")):
        resolved = "NULL" if state == "open" else "now()"
        core.sql(
            'INSERT INTO dead_letters (reason, topic, partition, "offset", state, resolved_at) '
            f"VALUES ('UNKNOWN_TYPE', 't', 0, {number}, '{state}', {resolved})"
        )
    assert read(figures.work)["dead_letters_open"] == {("UNKNOWN_TYPE",): 2}


def test_payments_are_counted_by_status_and_holds_by_age(core: Core, read: Read) -> None:
    for number, days in enumerate((0, 2, 5.5, 6.5)):
        core.authorize(f"c-{number}", f"order-{number}")
        core.sql(
            f"UPDATE payments SET created_at = now() - {days} * interval '1 day' WHERE order_id = 'order-{number}'"
        )
    core.release(core.authorize("c-r", "order-r"), "c-release")
    assert read(figures.money)["holds"] == {(age,): 1 for age in ("<1d", "1-5d", "5-6d", ">6d")}
    found = read(figures.payments)["payments"]
    assert {status: number for (status,), number in found.items() if number} == {"AUTHORIZED": 4, "SUCCEEDED": 1}


class TestMoneyOwed:
    def test_nothing_is_owed_while_the_money_is_correctly_placed(self, core: Core, read_owed: Owed) -> None:
        core.release(core.authorize("c-1", "order-1"), "c-2")
        core.revert(core.authorize("c-3", "order-3"), "c-4")
        core.authorize("c-5", "order-5")
        assert read_owed() == {}

    def test_a_refund_that_failed_is_owed_to_the_customer(self, core: Core, read_owed: Owed, released: UUID) -> None:
        core.revert(released)
        core.stripe.finish_refund(core.payment(released)["stripe_refund_id"], "failed")
        core.hear()
        core.settle()
        assert read_owed() == {("sgd", "customer"): 1500}

    def test_reversed_transfer_counts_as_owed_to_the_runner(self, core: Core, read_owed: Owed, released: UUID) -> None:
        core.stripe.dashboard("reverse_transfer", core.intent(released), amount=400)
        core.hear()
        core.settle()
        assert read_owed() == {("sgd", "runner"): 400}

    def test_the_transfer_of_a_refunded_charge_is_owed_to_the_platform(
        self, core: Core, read_owed: Owed, released: UUID
    ) -> None:
        core.stripe.dashboard("refund", core.intent(released))
        core.hear()
        core.settle()
        assert read_owed() == {("sgd", "platform"): 1500}

    @pytest.mark.parametrize("refused", [True, False], ids=["failed", "open"])
    def test_captured_money_of_a_release_that_did_not_pay_is_undecided(
        self, core: Core, read_owed: Owed, refused: bool
    ) -> None:
        payment = core.authorize()
        core.stripe.fault("refuse" if refused else "drop_before", "transfers.create", times=None)
        core.release(payment)
        assert read_owed() == {}
        core.sql("UPDATE payments SET captured_at = captured_at - interval '11 minutes'")
        assert read_owed() == {("sgd", "undecided"): 1500}
        core.stripe.clear_faults()
