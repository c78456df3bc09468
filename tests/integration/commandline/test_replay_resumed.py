"""``outbox replay --resume`` continues where the replay stopped, and appends no row twice."""

import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from service.storage import operator_pages, operator_replays
from service.storage.engine import transaction
from service.storage.models import OutboxRow
from service.usecases.operations import replay
from tests.integration.commandline.conftest import CommandLine
from tests.integration.commandline.history import History

pytestmark = pytest.mark.postgres

ROOT = Path(__file__).parents[3]
UNKNOWN = "0b1c1c9e-4b6c-4f0e-8a50-6a5d4f6e6d11"
ROWS = 20_000

MANY = f"""
    INSERT INTO outbox (event_id, topic, key, type, sequence, value, headers)
    SELECT gen_random_uuid(), 'payment_events', 'k' || n % 7, 'payment.authorized', n, '{{}}', '[["a", "b"]]'
    FROM generate_series(1, {ROWS}) AS n
"""


OLD = """
    INSERT INTO outbox (event_id, topic, key, type, value, headers, created_at)
    VALUES (gen_random_uuid(), 'payment_events', 'k', 'payment.failed', '{}', '[]', now() - interval '8 days')
"""


def rows(history: History) -> list[Any]:
    with transaction(history.engine) as connection:
        return list(connection.execute(select(OutboxRow).order_by(OutboxRow.position)))


def five_in_batches_of_two(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five events, of which a replay appends two at a time."""
    monkeypatch.setattr(replay, "BATCH", 2)
    for number in range(5):
        history.authorize(f"order-{number}", f"saga-{number}")


def test_interrupted_replay_resumes_where_it_stopped(
    commandline: CommandLine, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    five_in_batches_of_two(history, monkeypatch)
    appended = operator_replays.append_again

    def interrupted(connection: Any, some: Any, replay_id: Any) -> None:
        if count(history):
            raise KeyboardInterrupt
        appended(connection, some, replay_id)

    monkeypatch.setattr(operator_replays, "append_again", interrupted)
    said = commandline.run("outbox", "replay", "--since", "1h", "--reason", "test", "--yes", code=1).stderr
    assert "interrupted: 2 of 5 appended" in said
    monkeypatch.setattr(operator_replays, "append_again", appended)
    history.authorize("order-9", "saga-9")
    resume = said.rpartition("cli.py ")[2].split()
    for replayed in (3, 0):
        assert commandline.json(*resume, "--reason", "again", "--yes")["replayed"] == replayed
    found = rows(history)
    assert [row.event_id for row in found if row.replayed] == [row.event_id for row in found[:5]]
    assert UNKNOWN in commandline.run("outbox", "replay", "--resume", UNKNOWN, "--reason", "x", code=1).stderr
    commandline.run(*resume, "--since", "1h", "--reason", "x", code=2)


def test_batch_whose_commit_meets_ctrl_c_is_counted_as_appended(
    commandline: CommandLine, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    five_in_batches_of_two(history, monkeypatch)
    append_some = replay.Replay._append_some

    def interrupted(self: replay.Replay, engine: Any) -> int:
        appended = append_some(self, engine)
        signal.raise_signal(signal.SIGINT)
        return appended

    monkeypatch.setattr(replay.Replay, "_append_some", interrupted)
    said = commandline.run("outbox", "replay", "--since", "1h", "--reason", "test", "--yes", code=1).stderr
    assert "interrupted: 2 of 5 appended" in said
    assert count(history) == 2


def printed_commands(said: str) -> list[list[str]]:
    """The commands that the output says to run, as a shell reads them."""
    return [shlex.split(command) for command in re.findall("cli.py (.*)", said)]


def test_printed_command_goes_on_as_it_is(
    commandline: CommandLine, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs neither a reason nor --force again: the replay was begun with them."""
    with transaction(history.engine) as connection:
        connection.execute(text(OLD))
    words = ("outbox", "replay", "--type", "payment.failed", "--reason", "lost its index", "--force", "--yes")

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as once:
        once.setattr(operator_replays, "append_again", interrupted)
        said = commandline.run(*words, code=1).stderr
    resumes = printed_commands(said)
    assert len(resumes) == 2
    for resume in resumes:
        commandline.run(*resume, answer="y\n")
    assert count(history) == 1
    with transaction(history.engine) as connection:
        acts = operator_pages.actions(connection, None)
    assert [(act["action"], act["reason"]) for act in acts] == [
        ("outbox.resume_replay", "lost its index"),
        ("outbox.replay", "lost its index"),
    ]


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=["SIGINT", "kill -9"])
def test_replay_ended_halfway_is_resumed_without_repeats(
    database_url: str, history: History, end: signal.Signals
) -> None:
    """Each row is appended once and in order after any kind of end, although two processes resume at the same time."""
    with transaction(history.engine) as connection:
        connection.execute(text(MANY))
    words = [sys.executable, "cli.py", "outbox", "replay", "--reason", "test", "--yes"]
    env = {"DATABASE_URL": database_url, "PATH": ""}
    pipes: dict[str, Any] = {"cwd": ROOT, "env": env, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    first = subprocess.Popen([*words, "--type", "payment.authorized"], text=True, **pipes)
    while count(history) == 0:
        assert first.poll() is None
    first.send_signal(end)
    _, said = first.communicate(timeout=60)
    assert first.returncode == (1 if end == signal.SIGINT else -signal.SIGKILL)
    assert 0 < count(history) < ROWS
    replay_id = re.findall("--resume ([0-9a-f-]{36})", said)[0]
    history.authorize("order-1", "saga-1")
    both = [subprocess.Popen([*words, "--resume", replay_id], text=True, **pipes) for _ in range(2)]
    for each in both:
        _, said = each.communicate(timeout=120)
        assert each.returncode == 0, said
    found = rows(history)
    assert [row.event_id for row in found if row.replayed] == [row.event_id for row in found[:ROWS]]


def count(history: History) -> int:
    with transaction(history.engine) as connection:
        return int(connection.execute(text("SELECT count(*) FROM outbox WHERE replayed")).scalar_one())
