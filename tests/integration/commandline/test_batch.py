"""The counts and the exit code of an act on several objects."""

import signal
from collections.abc import Callable
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import text

from service.storage import engine as storage
from service.storage.engine import transaction
from service.usecases.operations.errors import OperatorError
from service.usecases.operations.payment_acts import PaymentActs, Queued
from tests.integration.commandline.conftest import CommandLine
from tests.integration.commandline.history import History

pytestmark = pytest.mark.postgres

ACT = ("payment", "revert")
WHY = ("--because", "ticket 81", "--yes")
ORDERS = ("order-0", "order-1", "order-2", "order-3")
END_ALL_OTHERS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.fixture
def orders(history: History) -> History:
    for number, order in enumerate(ORDERS):
        history.authorize(order, f"saga-{number}")
    return history


def last_line(said: str) -> str:
    return said.splitlines()[-1]


def before_acts(monkeypatch: pytest.MonkeyPatch, *events: Callable[[], object] | None) -> None:
    """Let these events happen, each before the act of its number."""
    whole, coming = PaymentActs.revert, iter(events)

    def revert(self: PaymentActs, payment_id: UUID, *, shown: str) -> Queued:
        event = next(coming, None)
        if event is not None:
            event()
        return whole(self, payment_id, shown=shown)

    monkeypatch.setattr(PaymentActs, "revert", revert)


def impossible() -> None:
    raise OperatorError("impossible")


def interrupted() -> None:
    raise KeyboardInterrupt


def test_skipped_objects_are_counted_and_are_no_failure(commandline: CommandLine, orders: History) -> None:
    assert last_line(commandline.run(*ACT, *ORDERS[:2], *WHY).stderr) == "2 done"
    assert last_line(commandline.run(*ACT, *ORDERS[:2], *WHY).stderr) == "2 skipped"
    assert last_line(commandline.run(*ACT, *ORDERS, *WHY).stderr) == "2 done, 2 skipped"
    assert last_line(commandline.run(*ACT, *ORDERS, *WHY, "--json").stderr) == "4 skipped"


def test_dry_run_lists_payments_by_name_as_it_does_by_filter(commandline: CommandLine, orders: History) -> None:
    named = commandline.json(*ACT, *ORDERS[:1], *WHY, "--dry-run")
    assert named == commandline.json(*ACT, "--order", ORDERS[0], *WHY, "--dry-run")
    assert ORDERS[0] in commandline.run(*ACT, *ORDERS[:1], *WHY, "--dry-run").stdout
    assert commandline.json("command", "list", "--type", "revert_payment") == []


def test_failed_act_is_counted_apart_from_those_done(
    commandline: CommandLine, orders: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    commandline.run(*ACT, ORDERS[3], *WHY)
    before_acts(monkeypatch, None, impossible)
    failed = commandline.run(*ACT, *ORDERS, *WHY, code=1)
    assert last_line(failed.stderr) == "2 done, 1 skipped, 1 failed"
    assert "impossible" in failed.stdout


def test_ctrl_c_counts_what_is_left_once(
    commandline: CommandLine, orders: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as once:
        before_acts(once, None, impossible, interrupted)
        said = commandline.run(*ACT, *ORDERS, *WHY, code=1).stderr
    assert last_line(said) == "interrupted: 1 done, 1 failed, 2 left; run it again to go on"
    assert said.count("done") == 1
    assert last_line(commandline.run(*ACT, *ORDERS, *WHY).stderr) == "3 done, 1 skipped"


def test_act_whose_commit_meets_ctrl_c_is_counted_as_done(
    commandline: CommandLine, orders: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its effect exists: a count without it would be one short, and its result would be listed nowhere."""
    whole = PaymentActs.revert

    def revert(self: PaymentActs, payment_id: UUID, *, shown: str) -> Queued:
        done = whole(self, payment_id, shown=shown)
        signal.raise_signal(signal.SIGINT)
        return done

    with monkeypatch.context() as once:
        once.setattr(PaymentActs, "revert", revert)
        interrupted = commandline.run(*ACT, *ORDERS, *WHY, code=1)
    assert last_line(interrupted.stderr) == "interrupted: 1 done, 3 left; run it again to go on"
    assert interrupted.stdout.count("queued: ") == 1
    assert last_line(commandline.run(*ACT, *ORDERS, *WHY).stderr) == "3 done, 1 skipped"


def test_ctrl_c_means_nothing_to_a_job_in_the_background(
    commandline: CommandLine, orders: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell without job control has its background jobs ignore the signal."""
    before_acts(monkeypatch, partial(signal.raise_signal, signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert last_line(commandline.run(*ACT, *ORDERS, *WHY).stderr) == "4 done"
    finally:
        signal.signal(signal.SIGINT, before)


def test_second_ctrl_c_ends_an_act_that_does_not_end(
    commandline: CommandLine, orders: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    def twice() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the act goes on")

    before_acts(monkeypatch, twice)
    said = commandline.run(*ACT, *ORDERS, *WHY, code=1).stderr
    assert last_line(said) == "interrupted: 4 left; run it again to go on"


def test_locked_payment_fails_alone(commandline: CommandLine, orders: History, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = storage._connect
    monkeypatch.setattr(storage, "_connect", lambda url, waits: connect(url, waits._replace(row_ms=50)))
    with transaction(orders.engine) as connection:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        connection.execute(text("SELECT 1 FROM payments WHERE order_id = 'order-1' FOR UPDATE"))
        failed = commandline.run(*ACT, *ORDERS, *WHY, code=1)
    assert last_line(failed.stderr) == "3 done, 1 failed"
    assert f"is locked by process {pid} (payment-service), idle in transaction, 0 s old" in failed.stdout


def test_lost_database_leaves_the_rest(
    commandline: CommandLine, orders: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose() -> None:
        with transaction(orders.engine) as connection:
            connection.execute(text(END_ALL_OTHERS))

    with monkeypatch.context() as once:
        before_acts(once, None, lose)
        said = commandline.run(*ACT, *ORDERS, *WHY, code=1).stderr
    assert last_line(said).startswith("database: ")
    assert last_line(said).endswith("; 1 done, 1 failed, 2 left; run it again to go on")
    assert last_line(commandline.run(*ACT, *ORDERS, *WHY).stderr) == "3 done, 1 skipped"
