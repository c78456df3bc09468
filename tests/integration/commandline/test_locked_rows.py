"""An act on a row that another transaction holds names that transaction, and how it ends."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from click.testing import CliRunner
from sqlalchemy import event

from commandline.main import cli
from devstack.stripe_simulator.client import SimulatorControl
from service.storage import engine as storage
from service.storage.engine import Engine
from tests.integration.commandline.conftest import CommandLine
from tests.integration.commandline.history import History
from tests.integration.commandline.test_acts import WHY
from tests.integration.commandline.test_retry import waiting
from tests.integration.relay.writers import session

__all__ = ["waiting"]

pytestmark = pytest.mark.postgres

ACT = (*WHY, "--yes")
PAYMENT = "SELECT 1 FROM payments WHERE order_id = 'order-1' FOR UPDATE"
COMMAND = "SELECT 1 FROM commands WHERE correlation_id = 'revert-1' FOR UPDATE"
LETTER = "SELECT 1 FROM dead_letters WHERE id = 1 FOR UPDATE"


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = storage._connect
    monkeypatch.setattr(storage, "_connect", lambda url, waits: connect(url, waits._replace(row_ms=50)))


@contextmanager
def held(url: str, rows: str) -> Iterator[str]:
    """The words for somebody's transaction that holds these rows."""
    with session(url) as somebody:
        somebody.cursor().execute("SET application_name = 'psql of otto'")
        somebody.cursor().execute(rows)
        pid = somebody.info.backend_pid
        ends = f"SELECT pg_terminate_backend({pid}) ends it and rolls it back"
        yield f"is locked by process {pid} (psql of otto), idle in transaction, 0 s old; {ends}"


def test_one_locked_payment_names_the_holder_and_the_remedy(commandline: CommandLine, history: History) -> None:
    payment = history.authorize("order-1", "saga-1").payment_id
    with held(commandline.database_url, PAYMENT) as said:
        failed = commandline.run("payment", "revert", "order-1", *ACT, code=1)
    assert failed.stderr == f"payment {payment} {said}. Runbook: “A payment's row is locked”\n"


def test_transactions_that_share_a_lock_are_left_to_the_runbook(commandline: CommandLine, history: History) -> None:
    payment = history.authorize("order-1", "saga-1").payment_id
    shared = PAYMENT.replace("UPDATE", "SHARE")
    with held(commandline.database_url, shared), held(commandline.database_url, shared):
        failed = commandline.run("payment", "revert", "order-1", *ACT, code=1)
    said = f"payment {payment} is locked by another transaction. Runbook: “A payment's row is locked”\n"
    assert failed.stderr == said


@pytest.mark.parametrize(
    ("words", "rows", "of"),
    [
        (("command", "retry", "--all"), COMMAND, "revert_payment revert-1"),
        (("command", "retry", "revert-1"), PAYMENT, "revert_payment revert-1"),
        (("dead-letter", "discard", "1"), LETTER, "dead letter 1"),
        (("dead-letter", "discard", "--reason", "NOT_JSON"), LETTER, "dead letter 1"),
    ],
)
def test_a_locked_command_or_dead_letter_names_the_holder(
    commandline: CommandLine, waiting: History, words: tuple[str, ...], rows: str, of: str
) -> None:
    for offset in range(2):
        waiting.add_dead_letter(offset, b"{")
    with held(commandline.database_url, rows) as said:
        failed = commandline.run(*words, *ACT, code=1)
    assert f"{of} {said}" in failed.output


def test_a_reopened_command_names_the_holder_of_its_payment(commandline: CommandLine, waiting: History) -> None:
    with held(commandline.database_url, PAYMENT) as said:
        failed = commandline.run("command", "reopen", "revert-1", *ACT, code=1)
    assert f"revert_payment revert-1 {said}" in failed.stderr


def test_an_act_that_succeeds_looks_for_no_holder(
    commandline: CommandLine, history: History, request: pytest.FixtureRequest
) -> None:
    history.authorize("order-1", "saga-1")
    statements: list[str] = []

    def noted(*seen: object) -> None:
        statements.append(str(seen[2]))

    event.listen(Engine, "before_cursor_execute", noted)
    request.addfinalizer(lambda: event.remove(Engine, "before_cursor_execute", noted))
    commandline.run("payment", "revert", "order-1", *ACT)
    assert statements
    assert not [each for each in statements if "pg_locks" in each]


def test_a_locked_payment_does_not_end_a_reconciliation_of_all(
    commandline: CommandLine, history: History, simulator: SimulatorControl
) -> None:
    locked, free = (history.authorize(f"order-{number}", f"saga-{number}").payment_id for number in (1, 2))
    stripe = {"STRIPE_SECRET_KEY": "sk_test_1", "STRIPE_API_BASE": simulator.base_url}
    with held(commandline.database_url, PAYMENT) as said:
        ended = CliRunner(env={"DATABASE_URL": commandline.database_url, **stripe}).invoke(
            cli, ["payment", "reconcile", "--json"]
        )
    found = {each["payment_id"]: each for each in json.loads(ended.stdout)}
    assert found[str(locked)]["result"] == "busy"
    assert f"payment {locked} {said}" in found[str(locked)]["detail"]
    assert found[str(free)]["result"] == "undecided", "this Stripe does not know it"
    assert ended.exit_code == 1
