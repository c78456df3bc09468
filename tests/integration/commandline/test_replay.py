"""``outbox replay`` appends new rows with the old event ids."""

import threading
from typing import Any

import pytest
from sqlalchemy import select, text

from service.domain.commands.revert import Revert
from service.storage import operator_pages, payments
from service.storage.engine import transaction
from service.storage.models import OutboxRow
from service.usecases.operations import replay
from service.usecases.queue_command import CommandRequests
from tests.integration.commandline.conftest import CommandLine
from tests.integration.commandline.history import History

pytestmark = pytest.mark.postgres

COPIED = ("event_id", "topic", "key", "type", "sequence", "value")


def rows(history: History) -> list[Any]:
    with transaction(history.engine) as connection:
        return list(connection.execute(select(OutboxRow).order_by(OutboxRow.position)))


def waiting_for_a_lock(history: History) -> int:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with transaction(history.engine) as connection:
        return int(connection.execute(text(waiting)).scalar_one())


def content(found: list[Any]) -> list[tuple[Any, ...]]:
    return [tuple(row._mapping[name] for name in COPIED) for row in found]


def test_replay_appends_the_same_rows_in_order(
    commandline: CommandLine, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "BATCH", 2)
    made = [history.authorize(f"order-{number}", f"saga-{number}") for number in range(3)]
    for payment in reversed(made[:2]):
        history.canceled_at_stripe(payment)
    before = rows(history)
    said = commandline.json("outbox", "replay", "--since", "1h", "--reason", "test", "--yes")
    after = rows(history)
    replay_id = said.pop("replay_id")
    assert said == {"matched": 5, "replayed": 5, "dry_run": False}
    assert after[:5] == before
    assert content(after[5:]) == content(before)
    assert all(row.replayed for row in after[5:])
    assert [row.headers for row in after[5:]] == [[*row.headers, ["replay_id", replay_id]] for row in before]
    assert int(after[5].xid) > int(after[4].xid)


def test_row_of_a_replay_is_not_replayed(commandline: CommandLine, history: History) -> None:
    history.authorize("order-1", "saga-1")
    event_id = commandline.json("outbox", "show", "1")["event_id"]
    for _ in range(2):
        commandline.run("outbox", "replay", "--id", event_id, "--reason", "test", "--yes")
    assert len(rows(history)) == 3
    assert commandline.json("outbox", "show", event_id)["replays"] == [2, 3]


def test_selectors_narrow_each_other(commandline: CommandLine, history: History) -> None:
    payment = history.authorize("order-1", "saga-1")
    history.authorize("order-2", "saga-2")
    history.canceled_at_stripe(payment)
    of_payment = ("outbox", "replay", "--dry-run", "--payment", str(payment.payment_id))
    assert commandline.json(*of_payment)["matched"] == 2
    assert commandline.json(*of_payment, "--type", "payment.failed")["matched"] == 1
    assert commandline.json(*of_payment, "--until", "1h")["matched"] == 0


def test_dry_run_changes_nothing_and_does_not_ask(commandline: CommandLine, history: History) -> None:
    history.authorize("order-1", "saga-1")
    result = commandline.run("outbox", "replay", "--type", "payment.authorized", "--dry-run")
    assert "1 row of 1 key, " in result.stderr
    assert len(rows(history)) == 1


@pytest.mark.parametrize(("answer", "code", "count"), [("y\n", 0, 2), ("n\n", 1, 1), ("\n", 1, 1), ("", 1, 1)])
def test_replay_needs_a_positive_answer(
    commandline: CommandLine, history: History, answer: str, code: int, count: int
) -> None:
    history.authorize("order-1", "saga-1")
    commandline.run("outbox", "replay", "--type", "payment.authorized", "--reason", "test", answer=answer, code=code)
    assert len(rows(history)) == count


@pytest.mark.parametrize("words", [("--dry-run",), (), ("--yes",)], ids=["dry", "asked", "not asked"])
def test_replay_warns_of_readers_without_event_ids_first(
    commandline: CommandLine, history: History, words: tuple[str, ...]
) -> None:
    payment = history.authorize("order-1", "saga-1")
    history.canceled_at_stripe(payment)
    history.add_dead_letter(7, b"no JSON")
    commandline.run("dead-letter", "retry", "1", "--because", "test", "--yes")
    queued = Revert("saga-3", history.authorize("order-2", "saga-2").payment_id)
    CommandRequests(history.engine, "payment_commands").queue(queued, key=None, traceparent=None)
    words = words if "--dry-run" in words else (*words, "--reason", "test")
    said = commandline.run("outbox", "replay", "--since", "1h", *words, answer="y\n").stderr
    assert "2 commands, 3 events and 1 dead letter " in said
    assert "who keeps no ce_id acts on them again" in said
    asked = said.find("Publish them again?")
    assert asked < 0 or said.index("acts on them again") < asked


@pytest.mark.parametrize("selector", ["--id", "--payment", "--order"])
def test_unknown_selection_is_named(commandline: CommandLine, selector: str) -> None:
    unknown = "0b1c1c9e-4b6c-4f0e-8a50-6a5d4f6e6d11"
    assert unknown in commandline.run("outbox", "replay", selector, unknown, "--reason", "test", "--yes", code=1).stderr


def test_replay_without_a_selection_is_bad_usage(commandline: CommandLine) -> None:
    commandline.run("outbox", "replay", "--reason", "test", "--yes", code=2)


def test_replay_waits_for_a_writer_of_the_payment(commandline: CommandLine, history: History) -> None:
    """Otherwise a replay could be published among the events of an earlier transaction."""
    payment = history.authorize("order-1", "saga-1")
    words = ("outbox", "replay", "--payment", str(payment.payment_id), "--reason", "test", "--yes")
    replay = threading.Thread(target=commandline.run, args=words)
    with transaction(history.engine) as connection:
        payments.lock(connection, payment.payment_id)
        replay.start()
        while not waiting_for_a_lock(history):
            assert replay.is_alive()
        assert len(rows(history)) == 1
    replay.join(10)
    assert len(rows(history)) == 2


def test_order_selects_all_of_its_payments(commandline: CommandLine, history: History) -> None:
    history.fail_after("order-1", "saga-1")
    history.authorize("order-1", "saga-2")
    history.authorize("order-2", "saga-3")
    assert commandline.json("outbox", "replay", "--order", "order-1", "--dry-run")["matched"] == 2


def test_replay_needs_a_reason_and_records_it(commandline: CommandLine, history: History) -> None:
    payment = history.authorize("order-1", "saga-1")
    words = ("outbox", "replay", "--payment", str(payment.payment_id), "--yes")
    assert "--reason" in commandline.run(*words, code=2).stderr
    assert len(rows(history)) == 1
    said = commandline.json(*words, "--reason", "search lost its index", "--operator", "ann")
    with transaction(history.engine) as connection:
        (act,) = operator_pages.actions(connection, None)
    assert (act["action"], act["operator"], act["channel"]) == ("outbox.replay", "ann", "cli")
    assert (act["reason"], act["payment_id"]) == ("search lost its index", payment.payment_id)
    assert (act["detail"]["replay_id"], act["detail"]["rows"]) == (said["replay_id"], 1)


def test_replay_of_old_events_needs_force(
    commandline: CommandLine, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = """
        INSERT INTO outbox (event_id, topic, key, type, value, headers, created_at)
        VALUES (gen_random_uuid(), 'payment_events', 'k', 'payment.failed', '{}', '[]', now() - interval '8 days')
    """
    with transaction(history.engine) as connection:
        connection.execute(text(old))
    words = ("outbox", "replay", "--type", "payment.failed", "--reason", "test", "--yes")
    assert "REPLAY_WINDOW" in commandline.run(*words, code=1).stderr
    assert len(rows(history)) == 1
    assert commandline.json(*words, "--force")["replayed"] == 1
    monkeypatch.setenv("REPLAY_WINDOW", "9d")
    assert commandline.json(*words)["replayed"] == 1
