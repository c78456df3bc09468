"""``command retry`` asks, makes a command due once, and can be run again after an interruption."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, update

from service.domain.commands.command import CommandKey
from service.domain.commands.revert import Revert
from service.domain.operator_acts import Channel, Grounds
from service.domain.received_records import Arrival
from service.storage import commands
from service.storage.engine import make_engine, transaction
from service.storage.models import Command
from service.usecases.operations.retries import retry_command
from tests.integration.commandline.conftest import CommandLine
from tests.integration.commandline.history import History
from tests.integration.commandline.test_acts import WHY, audit
from tests.integration.commandline.test_many_letters import interrupted_after

pytestmark = pytest.mark.postgres

_AT_ONCE = 4


@pytest.fixture
def waiting(history: History) -> History:
    """Three commands whose next attempt is in an hour, and one that is due."""
    payment_id = history.authorize("order-1", "saga-1").payment_id
    with transaction(history.engine) as connection:
        for number in range(4):
            commands.add_open(connection, Revert(f"revert-{number}", payment_id), payment_id, Arrival())
        later = {"next_attempt_at": func.now() + timedelta(hours=1)}
        connection.execute(update(Command).where(Command.correlation_id.in_(REVERTS)).values(**later))
    return history


REVERTS = ["revert-1", "revert-2", "revert-3"]


def retried(history: History) -> list[str]:
    return sorted(act["correlation_id"] for act in audit(history))


def test_second_run_acts_on_no_command_again(commandline: CommandLine, waiting: History) -> None:
    words = ("command", "retry", "--all", *WHY, "--yes")
    assert sorted(each["id"] for each in commandline.json(*words)) == [f"revert_payment {id_}" for id_ in REVERTS]
    assert commandline.json(*words) == []
    assert retried(waiting) == REVERTS


def test_interrupted_run_is_finished_by_the_same_command(
    commandline: CommandLine, waiting: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("command", "retry", "--type", "revert_payment", *WHY, "--yes")
    with monkeypatch.context() as once:
        interrupted_after(1, once)
        commandline.run(*words, code=1)
    assert len(commandline.json(*words)) == 2
    assert retried(waiting) == REVERTS


@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [
        (
            {
                "state": "done",
                "outcome": {"type": "payment.reverted"},
                "completed_at": func.now(),
                "next_attempt_at": None,
            },
            "is answered, and stays so",
        ),
        ({"lease_token": uuid4(), "lease_expires_at": func.now() + timedelta(minutes=1)}, "is under way"),
    ],
    ids=["answered", "taken up"],
)
def test_command_that_a_consumer_was_quicker_with_is_no_failure(
    commandline: CommandLine, waiting: History, monkeypatch: pytest.MonkeyPatch, meanwhile: dict[str, Any], why: str
) -> None:
    """Commands are retried in bulk when Stripe is back, and then consumers take them up by themselves, too."""

    def asked(*_: Any, **__: Any) -> None:
        with transaction(waiting.engine) as connection:
            connection.execute(update(Command).where(Command.correlation_id == "revert-2").values(**meanwhile))

    monkeypatch.setattr("commandline.acts.ask", asked)
    retry = commandline.run("command", "retry", "--all", *WHY)
    assert retry.stderr.splitlines()[-1] == "2 done, 1 skipped"
    assert f"skipped: revert_payment revert-2 {why}" in retry.stdout


def test_retry_of_one_command_asks_and_acts_once(commandline: CommandLine, waiting: History) -> None:
    words = ("command", "retry", "revert-1", *WHY)
    assert "Retry command revert_payment revert-1?" in commandline.run(*words, answer="n\n", code=1).stderr
    assert retried(waiting) == []
    commandline.run(*words, answer="y\n")
    assert "is due already" in commandline.run(*words, "--yes").stderr
    assert retried(waiting) == ["revert-1"]


def test_retries_at_the_same_moment_leave_one_act(database_url: str, waiting: History) -> None:
    engine = make_engine(database_url, pool_size=_AT_ONCE)
    key, grounds = CommandKey("revert_payment", "revert-1"), Grounds("mira", Channel.PAGE, "Stripe is back")

    def retry(_: int) -> Any:
        return retry_command(engine, key, grounds)

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        made_due = list(threads.map(retry, range(_AT_ONCE)))
    engine.dispose()
    assert made_due.count(True) == 1
    assert retried(waiting) == ["revert-1"]
