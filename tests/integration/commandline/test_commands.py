"""``command`` and ``dead-letter`` list, show, retry, resend and discard."""

import base64
from datetime import timedelta

import pytest
from sqlalchemy import func, update

from service.storage.engine import transaction
from service.storage.models import Command
from tests.integration.commandline.conftest import CommandLine
from tests.integration.commandline.history import History

pytestmark = pytest.mark.postgres

BECAUSE = ("--because", "ticket 81")


def test_list_commands_by_state_and_payment(commandline: CommandLine, history: History) -> None:
    payment = history.authorize("order-1", "saga-1")
    history.accept("order-2", "saga-2")
    assert [each["correlation_id"] for each in commandline.json("command", "list")] == ["saga-2", "saga-1"]
    assert [each["correlation_id"] for each in commandline.json("command", "list", "--state", "pending")] == ["saga-2"]
    mine = commandline.json("command", "list", "--payment", str(payment.payment_id))
    assert [each["state"] for each in mine] == ["done"]
    assert commandline.json("command", "list", "--until", "1h") == []


def test_show_command(commandline: CommandLine, history: History) -> None:
    payment = history.authorize("order-1", "saga-1")
    shown = commandline.json("command", "show", "saga-1")
    assert shown["payload"]["order_id"] == "order-1"
    assert shown["outcome"]["payment_id"] == str(payment.payment_id)
    assert "fingerprint" not in shown


def test_show_command_under_a_shared_correlation_id(commandline: CommandLine, history: History) -> None:
    history.cancel_hold_of(history.authorize("order-1", "pi_1"), "pi_1")
    said = commandline.run("command", "show", "pi_1", code=1).stderr
    assert "authorize_payment, cancel_hold" in said
    assert commandline.json("command", "show", "pi_1", "--type", "cancel_hold")["state"] == "pending"


def test_unknown_command_is_reported(commandline: CommandLine) -> None:
    assert commandline.run("command", "show", "x", code=1).stderr == "no command x is accepted\n"


def test_dead_letters_have_the_contracts_fields(commandline: CommandLine, history: History) -> None:
    history.add_dead_letter(7, b"{nonsense", b"key-1")
    (letter,) = commandline.json("dead-letter", "list")
    assert list(letter) == ["id", "reason", "topic", "partition", "offset", "received_at", "key", "value"]
    assert (letter["reason"], letter["topic"], letter["partition"], letter["offset"]) == (
        "NOT_JSON", "payment_commands", 3, 7,
    )  # fmt: skip
    assert (letter["key"], letter["value"]) == ("key-1", "{nonsense")
    assert commandline.json("dead-letter", "show", str(letter["id"])) == letter


@pytest.mark.parametrize("value", [b"\xff\x00\xfe", b"base64:text", "käse \0".encode(), b"", None])
def test_value_of_a_dead_letter_is_shown_completely(
    commandline: CommandLine, history: History, value: bytes | None
) -> None:
    history.add_dead_letter(1, value)
    shown = commandline.json("dead-letter", "list")[0]["value"]
    if shown is None:
        assert value is None
    elif shown.startswith("base64:"):
        assert base64.b64decode(shown.removeprefix("base64:")) == value
    else:
        assert shown.encode() == value


def test_dead_letter_is_shown_with_its_fault(commandline: CommandLine, history: History) -> None:
    history.add_dead_letter(1, b"x")
    letter = commandline.json("dead-letter", "list")[0]
    assert "the value is not JSON" in commandline.run("dead-letter", "show", str(letter["id"])).stdout


def test_unknown_dead_letter_is_reported(commandline: CommandLine) -> None:
    assert commandline.run("dead-letter", "show", "9", code=1).stderr == "no dead letter 9\n"
    commandline.run("dead-letter", "show", "x", code=2)


def test_retry_of_an_open_command_makes_it_due(commandline: CommandLine, history: History) -> None:
    history.cancel_hold_of(history.authorize("order-1", "saga-1"), "pi_1")
    put_off(history)
    before = commandline.json("command", "show", "pi_1")["next_attempt_at"]
    assert commandline.json("command", "retry", "pi_1", *BECAUSE)["next_attempt_at"] < before


def put_off(history: History) -> None:
    with transaction(history.engine) as connection:
        later = func.now() + timedelta(hours=1)
        connection.execute(update(Command).where(Command.state == "pending").values(next_attempt_at=later))


def test_retry_refuses_a_running_or_answered_command(commandline: CommandLine, history: History) -> None:
    history.accept("order-1", "saga-1")
    assert "is under way" in commandline.run("command", "retry", "saga-1", *BECAUSE, code=1).stderr
    history.authorize("order-2", "saga-2")
    assert "is answered" in commandline.run("command", "retry", "saga-2", *BECAUSE, code=1).stderr


def test_dead_letter_is_resent_once(commandline: CommandLine, history: History) -> None:
    history.add_dead_letter(1, b'{"type": "from_the_future"}')
    (letter,) = commandline.json("dead-letter", "list")
    commandline.run("dead-letter", "retry", str(letter["id"]), *BECAUSE, "--yes")
    (row,) = commandline.json("outbox", "list", "--type", "dead_letter_retry")
    assert (row["topic"], row["value"]) == ("payment_commands", {"type": "from_the_future"})
    assert row["headers"]["ce_id"] == row["event_id"], "or no comparison finds it in its topic"
    assert commandline.json("dead-letter", "list") == []
    assert commandline.json("dead-letter", "list", "--all") == [letter]
    assert (
        "is retried already"
        in commandline.run("dead-letter", "retry", str(letter["id"]), *BECAUSE, "--yes", code=1).stderr
    )


@pytest.mark.parametrize("value", [b"\xff", b"a\0b", None])
def test_dead_letter_that_is_no_text_cannot_be_resent(
    commandline: CommandLine, history: History, value: bytes | None
) -> None:
    history.add_dead_letter(1, value)
    (letter,) = commandline.json("dead-letter", "list")
    assert "is no text" in commandline.run("dead-letter", "retry", str(letter["id"]), *BECAUSE, "--yes", code=1).stderr


def test_too_large_dead_letter_cannot_be_resent(commandline: CommandLine, history: History) -> None:
    history.add_dead_letter(1, b"x" * (1024 * 1024 + 1))
    (letter,) = commandline.json("dead-letter", "list")
    assert (
        "is over 1 MiB" in commandline.run("dead-letter", "retry", str(letter["id"]), *BECAUSE, "--yes", code=1).stderr
    )
    assert commandline.json("dead-letter", "list") == [letter]


def test_dead_letter_that_is_not_json_can_be_resent_and_shown(commandline: CommandLine, history: History) -> None:
    history.add_dead_letter(1, b"not json", b"key")
    (letter,) = commandline.json("dead-letter", "list")
    commandline.run("dead-letter", "retry", str(letter["id"]), *BECAUSE, answer="y\n")
    (row,) = commandline.json("outbox", "list", "--type", "dead_letter_retry")
    assert (row["key"], row["value"]) == ("key", "not json")


def test_row_refused_by_kafka_is_replayed_under_its_event_id(commandline: CommandLine, history: History) -> None:
    history.authorize("order-1", "saga-1")
    history.refused_by_kafka(1)
    (letter,) = commandline.json("dead-letter", "list")
    commandline.run("dead-letter", "retry", str(letter["id"]), *BECAUSE, "--yes")
    again, first = commandline.json("outbox", "list")
    assert (again["replayed"], again["event_id"], again["value"]) == (True, first["event_id"], first["value"])


def test_discard_needs_a_positive_answer_and_closes_the_dead_letter(commandline: CommandLine, history: History) -> None:
    history.add_dead_letter(1, b"x")
    (letter,) = commandline.json("dead-letter", "list")
    commandline.run("dead-letter", "discard", str(letter["id"]), *BECAUSE, answer="n\n", code=1)
    assert commandline.json("dead-letter", "list") == [letter]
    commandline.run("dead-letter", "discard", str(letter["id"]), *BECAUSE, "--yes")
    assert commandline.json("dead-letter", "list") == []
    commandline.run("dead-letter", "discard", "99", *BECAUSE, "--yes", code=1)
