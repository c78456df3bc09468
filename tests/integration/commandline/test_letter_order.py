"""A dead release or revert waits until its payment's authorize has been accepted."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from service.domain.payment import payment_id_of
from service.usecases.operations import letters
from tests.integration.commandline.conftest import CommandLine
from tests.integration.commandline.history import History
from tests.integration.commandline.test_acts import WHY, audit
from tests.integration.commandline.test_many_letters import acted_on

pytestmark = pytest.mark.postgres

AUTHORIZE = {
    "type": "authorize_payment",
    "correlation_id": "saga-9",
    "customer_id": "customer-1",
    "payment_method_id": "pm_card_visa",
    "amount": 1250,
    "currency": "sgd",
    "order_id": "order-9",
}
RETRY_ALL = ("dead-letter", "retry", "--reason", "NOT_JSON", *WHY, "--yes")


def add(history: History, offset: int, **content: Any) -> None:
    history.add_dead_letter(offset, json.dumps(content).encode())


def revert_of(payment_id: UUID, correlation_id: str = "saga-9") -> dict[str, str]:
    return {"type": "revert_payment", "correlation_id": correlation_id, "payment_id": str(payment_id)}


def release_of(payment_id: UUID) -> dict[str, str]:
    payee = {"runner_id": "runner-1", "runner_connect_account_id": "acct_1"}
    return {"type": "release_payment", "correlation_id": "saga-10", "payment_id": str(payment_id), **payee}


def open_letters(commandline: CommandLine) -> list[int]:
    return [letter["id"] for letter in commandline.json("dead-letter", "list")]


@pytest.mark.parametrize("command", [revert_of, release_of])
def test_command_is_refused_until_its_payment_exists(commandline: CommandLine, history: History, command: Any) -> None:
    """Before the authorize is accepted, a consumer would answer it with PAYMENT_NOT_FOUND, for good."""
    add(history, 1, **AUTHORIZE)
    payment_id = payment_id_of("saga-9")
    add(history, 2, **command(payment_id))
    said = commandline.run("dead-letter", "retry", "2", *WHY, "--yes", code=1).stderr
    assert f"payment {payment_id} does not exist yet: send its authorize first (dead letter 1)" in said
    assert "or discard it" in said
    assert (open_letters(commandline), acted_on(history)) == ([2, 1], [])


def test_run_over_many_leaves_the_command_open_and_the_next_run_sends_it(
    commandline: CommandLine, history: History
) -> None:
    payment = history.accept("order-1", "saga-1")
    add(history, 1, **revert_of(uuid4()))
    add(history, 2, **revert_of(payment.payment_id))
    add(history, 3, type="from_the_future")
    said = commandline.run(*RETRY_ALL, code=1)
    assert "left open: payment" in said.stdout
    assert "2 done, 1 left open; go on: cli.py dead-letter retry" in said.stderr
    assert (open_letters(commandline), acted_on(history)) == ([1], [2, 3])


def test_saga_is_sent_whole_by_two_runs(commandline: CommandLine, history: History) -> None:
    add(history, 1, **AUTHORIZE)
    add(history, 2, **revert_of(payment_id_of("saga-9")))
    results = json.loads(commandline.run(*RETRY_ALL, "--json", code=1).stdout)
    assert [each["result"].partition(":")[0] for each in results] == ["sent again", "left open"]
    history.accept("order-9", "saga-9", payment_id_of("saga-9"))
    assert "2 sent again" in commandline.run(*RETRY_ALL).stdout
    assert acted_on(history) == [1, 2]


def test_payment_that_never_existed_is_no_dead_end(commandline: CommandLine, history: History) -> None:
    add(history, 1, **revert_of(uuid4()))
    add(history, 2, **release_of(uuid4()))
    commandline.run("dead-letter", "retry", "1", *WHY, "--yes", "--force")
    commandline.run("dead-letter", "discard", "2", *WHY, "--yes")
    assert [act["action"] for act in audit(history)] == ["dead_letter.retry", "dead_letter.discard"]


def test_mended_command_is_refused_until_its_payment_exists(
    commandline: CommandLine, history: History, tmp_path: Path
) -> None:
    add(history, 1, type="revert_payment", correlation_id="saga-9", payment_id="none")
    file = tmp_path / "mended.json"
    file.write_text(json.dumps(revert_of(uuid4())))
    words = ("dead-letter", "resend", "1", "--file", str(file), *WHY, "--yes")
    assert "does not exist yet" in commandline.run(*words, code=1).stderr
    assert open_letters(commandline) == [1]
    commandline.run(*words, "--force")
    assert open_letters(commandline) == []


def test_search_for_the_authorize_reads_a_limited_number_of_letters(
    commandline: CommandLine, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "AT_ONCE", 2)
    add(history, 1, **AUTHORIZE)
    for offset in (2, 3):
        add(history, offset, type="from_the_future")
    add(history, 4, **revert_of(payment_id_of("saga-9")))
    said = commandline.run("dead-letter", "retry", "4", *WHY, "--yes", code=1).stderr
    assert "send its authorize first." in said
