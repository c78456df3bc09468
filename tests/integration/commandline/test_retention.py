"""``outbox prune`` deletes only rows that are published and old."""

import itertools
import signal
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, text

from service.storage import operator_writes
from service.storage.engine import transaction
from service.storage.models import OutboxRow
from service.usecases.operations import retention
from tests.integration.commandline.conftest import CommandLine
from tests.integration.commandline.history import History
from tests.integration.commandline.test_acts import audit
from tests.integration.commandline.test_outbox import settle

pytestmark = pytest.mark.postgres


def grow(history: History, rows: int) -> None:
    for number in range(rows):
        history.authorize(f"order-{number}", f"saga-{number}")


def positions(history: History) -> list[int]:
    with transaction(history.engine) as connection:
        return list(connection.execute(select(OutboxRow.position).order_by(OutboxRow.position)).scalars())


def now() -> str:
    return datetime.now(UTC).isoformat()


def test_only_rows_published_by_every_relay_are_pruned(
    commandline: CommandLine, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    grow(history, 8)
    settle(history.engine, 6, [[8, 8]])
    assert commandline.json("outbox", "prune", "--reason", "test", "--before", now(), "--yes")["pruned"] == 5
    assert positions(history) == [6, 7, 8], "the row at low stays: the relay knows the database again by it"


def test_pruning_pauses_between_its_transactions(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pause is five times as long as the transaction before, so that payments have priority."""
    clock = itertools.count(0.0, 1.5)  # one reading of the clock before each transaction and one after it
    monkeypatch.setattr(retention, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(retention, "BATCH", 2)
    grow(history, 8)
    settle(history.engine, 8, [])
    rests: list[float] = []
    planned = retention.Pruning.plan(history.engine, datetime.now(UTC))
    assert list(planned.run(history.engine, rests.append)) == [2, 2, 2, 1, 0]
    assert rests == [7.5] * 5


def test_interrupted_pruning_says_how_much_is_deleted(
    commandline: CommandLine, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    grow(history, 8)
    settle(history.engine, 8, [])
    prune, words = operator_writes.prune, ("outbox", "prune", "--reason", "test", "--before", now(), "--yes")

    def interrupted(*selected: Any, **bounds: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return prune(*selected, **bounds)

    with monkeypatch.context() as once:
        once.setattr(operator_writes, "prune", interrupted)
        said = commandline.run(*words, code=1).stderr
    assert said.endswith("interrupted: 2 of 7 deleted; run it again to go on\n")
    assert positions(history) == [3, 4, 5, 6, 7, 8]
    assert commandline.json(*words)["pruned"] == 5


def test_pruning_requires_a_reason_and_records_the_act(commandline: CommandLine, history: History) -> None:
    grow(history, 3)
    settle(history.engine, 3, [])
    words = ("outbox", "prune", "--before", now(), "--yes")
    assert "--reason" in commandline.run(*words, code=2).stderr
    assert positions(history) == [1, 2, 3]
    commandline.run(*words, "--reason", "monthly", "--operator", "ann")
    (act,) = audit(history)
    assert (act["action"], act["operator"], act["reason"]) == ("outbox.prune", "ann", "monthly")
    assert act["detail"]["rows"] == 2


def test_pruning_commits_asynchronously_with_a_generic_plan(history: History) -> None:
    """Payments never wait for a commit of pruning. Rows that a crash restores are deleted by the next run."""
    plans = "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE '%DELETE FROM outbox%'"
    with transaction(history.engine) as connection:
        connection.execute(text("SET LOCAL synchronous_commit = on"))
        for _ in range(2):
            operator_writes.prune(connection, after=0, below=1, before=datetime.now(UTC), limit=1)
        assert connection.execute(text("SHOW synchronous_commit")).scalar_one() == "off"
        assert connection.execute(text(plans)).all() == [(2, 0)]


def test_nothing_is_pruned_without_a_relay(commandline: CommandLine, history: History) -> None:
    grow(history, 2)
    assert commandline.json("outbox", "prune", "--reason", "test", "--before", now(), "--yes") == {
        "matched": 0, "pruned": 0, "dry_run": False,
    }  # fmt: skip


def test_young_rows_are_not_pruned(commandline: CommandLine, history: History) -> None:
    grow(history, 3)
    settle(history.engine, 3, [])
    with transaction(history.engine) as connection:
        connection.execute(text("ALTER TABLE outbox DISABLE TRIGGER outbox_append_only"))
        connection.execute(text("UPDATE outbox SET created_at = now() - interval '60 days' WHERE position = 1"))
    assert commandline.json("outbox", "prune", "--reason", "test", "--yes")["pruned"] == 1
    assert positions(history) == [2, 3]


@pytest.mark.parametrize(("words", "answer", "code"), [(["--dry-run"], None, 0), ([], "n\n", 1)])
def test_nothing_is_pruned_without_a_positive_answer(
    commandline: CommandLine, history: History, words: list[str], answer: str | None, code: int
) -> None:
    grow(history, 2)
    settle(history.engine, 2, [])
    result = commandline.run("outbox", "prune", "--reason", "test", "--before", now(), *words, answer=answer, code=code)
    assert "1 row, " in result.stderr
    assert positions(history) == [1, 2]
