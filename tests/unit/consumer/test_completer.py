"""Due commands join the keys only while there is room, and never twice."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from consumer.completer import Completer
from consumer.keyed_queue import Job
from consumer.workers import Workers
from runtime.shutdown import Shutdown
from tests.unit.consumer.doubles import LONG, Due, RecordingCommands


@pytest.fixture
def workers() -> Iterator[Workers]:
    made = Workers(2, delay=lambda _: 0.0)
    yield made
    made.stop(LONG)


class Gate:
    """A job that runs until the gate is opened."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()
        self.runs = 0

    def __call__(self) -> None:
        self.runs += 1
        self.entered.set()
        self.open.wait(LONG)


def test_the_completer_asks_for_no_more_than_it_has_room_for(workers: Workers) -> None:
    gate = Gate()
    commands = RecordingCommands(due=[[Due("a", gate)], [Due("b", gate)]])
    completer = Completer(commands, workers, limit=2)
    completer.step()
    completer.step()
    assert completer.step()
    assert commands.limits == [2, 1]
    gate.open.set()


def test_a_command_still_in_its_key_is_not_taken_twice(workers: Workers) -> None:
    gate = Gate()
    commands = RecordingCommands(due=[[Due("a", gate)], [Due("a", gate)]])
    completer = Completer(commands, workers, limit=5)
    completer.step()
    assert gate.entered.wait(LONG)
    completer.step()
    gate.open.set()
    assert workers.stop(LONG) == 0
    assert gate.runs == 1
    completer.step()
    assert commands.limits == [5, 4, 5]


def test_a_key_with_a_new_command_is_left_alone(workers: Workers) -> None:
    gate, ran = Gate(), Gate()
    workers.submit(Job("payment", gate, lambda: None, retry=True))
    assert gate.entered.wait(LONG)
    Completer(RecordingCommands(due=[[Due("payment", ran)]]), workers, limit=5).step()
    gate.open.set()
    assert workers.stop(LONG) == 0
    assert ran.runs == 0


def test_a_failed_command_gives_its_room_back_and_is_not_tried_again(workers: Workers) -> None:
    failed = threading.Event()

    def fail() -> None:
        failed.set()
        raise ConnectionError

    commands = RecordingCommands(due=[[Due("a", fail)]])
    completer = Completer(commands, workers, limit=1)
    completer.step()
    assert failed.wait(LONG)
    assert workers.stop(LONG) == 0
    completer.step()
    assert commands.limits == [1, 1]


def test_the_completer_asks_again_after_a_failure_until_draining(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumer.completer.INTERVAL", 0.0)
    shutdown = Shutdown()
    asked: list[int] = []

    class Failing(RecordingCommands):
        def complete_due(self, limit: int) -> Any:
            asked.append(limit)
            if len(asked) == 3:
                shutdown.request()
            raise ConnectionError("the database is away")

    completer = Completer(Failing(), workers, limit=1)
    completer.run(shutdown)
    assert asked == [1, 1, 1]
    assert completer.fault() == "due commands: cannot be asked for: ConnectionError"


def test_a_question_that_is_never_answered_is_reported(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    completer = Completer(RecordingCommands(), workers, limit=1)
    assert completer.fault() is None
    monkeypatch.setattr("consumer.completer._LONGEST", -1.0)
    assert "not answered" in (completer.fault() or "")
