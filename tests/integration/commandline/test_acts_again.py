"""A release or revert by an operator is skipped only while an earlier one is open, or while its effect lasts."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import click
import pytest

from service.domain.command_reader import read
from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.domain.operator_acts import Channel, Grounds
from service.domain.received_records import InvalidCommand, UnreadableMessage
from service.storage.engine import transaction
from service.usecases.queue_command import CommandRequests
from tests.integration.commandline.auditing import Books
from tests.integration.commandline.conftest import CommandLine
from tests.integration.commandline.history import History
from tests.support.core import RUNNER, Core
from tests.support.emptying import UNGUARDED

pytestmark = pytest.mark.postgres

WHY = ("--because", "the runner fell ill, ticket 81", "--operator", "mira@shell")
PAYEE = ("--runner", "runner-1", "--account", RUNNER)
QUEUED = """
    SELECT value FROM outbox WHERE type IN ('release_payment', 'revert_payment')
    AND CAST(value AS json) ->> 'correlation_id' NOT IN (SELECT correlation_id FROM commands) ORDER BY position
"""


def act(commandline: CommandLine, verb: str, payment: UUID) -> str:
    """The result of an act on one payment."""
    payee = PAYEE if verb == "release" else ()
    (found,) = commandline.json("payment", verb, str(payment), *payee, *WHY, "--yes")
    result: str = found["result"]
    return result


def consume(core: Core) -> None:
    """The consumer reads the commands that are queued."""
    for row in core.sql(QUEUED):
        found = read(row["value"].encode(), "sgd")
        assert not isinstance(found, UnreadableMessage | InvalidCommand)
        core.handle(found)


def refund_fails(core: Core, payment: UUID) -> None:
    core.stripe.settle_refunds()
    core.hear()
    core.stripe.plan_refund("succeeded")
    assert core.payment(payment)["refunded"] == 0


def transfer_is_reversed(core: Core, payment: UUID) -> None:
    core.stripe.dashboard("reverse_transfer", core.intent(payment))
    core.hear()
    assert core.payment(payment)["reversed"] == 1500


UNDONE: list[tuple[str, str, Callable[[Core, UUID], None]]] = [
    ("revert", "payment.reverted", refund_fails),
    ("release", "payment.released", transfer_is_reversed),
]


@pytest.mark.parametrize(("verb", "answer", "undo"), UNDONE)
def test_act_whose_effect_is_undone_is_queued_again(
    commandline: CommandLine, books: Books, verb: str, answer: str, undo: Callable[[Core, UUID], None]
) -> None:
    core = books.core
    payment = core.authorize(card="pm_card_refundFail")
    if verb == "revert":
        core.release(payment)
    first = act(commandline, verb, payment)
    assert act(commandline, verb, payment) == first.replace("queued", "skipped")
    consume(core)
    core.hear()
    assert act(commandline, verb, payment) == first.replace("queued", "skipped")
    undo(core, payment)
    again = act(commandline, verb, payment)
    assert again.startswith("queued: ")
    consume(core)
    assert core.outcome(f"{verb}_payment", again.removeprefix("queued: ")).type == answer
    assert act(commandline, verb, payment) == again.replace("queued", "skipped")


@pytest.mark.parametrize("verb", ["release", "revert"])
def test_act_after_one_that_was_invalid_is_queued(commandline: CommandLine, history: History, verb: str) -> None:
    """An invalid command is kept without its payment."""
    payment = history.authorize("order-1", "saga-1").payment_id
    invalid = Release("invalid", payment, "", RUNNER) if verb == "release" else Revert("invalid", payment, "r" * 5001)
    of = {"payment_id": payment, "correlation_id": "invalid", "command_type": invalid.type}
    made = Grounds("mira@shell", Channel.CLI, "ticket 81").act(f"payment.{verb}", **of)
    CommandRequests(history.engine, "payment_commands").queue_act(invalid, made, lambda *_: None)
    assert act(commandline, verb, payment) == "skipped: invalid"
    history.refuse("invalid", invalid.type)
    assert act(commandline, verb, payment).startswith("queued: ")


def test_act_whose_command_is_lost_is_queued_again(commandline: CommandLine, history: History) -> None:
    payment = history.authorize("order-1", "saga-1").payment_id
    first = act(commandline, "revert", payment)
    with transaction(history.engine) as connection:
        connection.exec_driver_sql(f"{UNGUARDED}; DELETE FROM outbox WHERE type = 'revert_payment'")
    assert act(commandline, "revert", payment) not in {first, first.replace("queued", "skipped")}


def test_act_whose_refused_command_was_discarded_is_queued_again(commandline: CommandLine, history: History) -> None:
    payment = history.authorize("order-1", "saga-1").payment_id
    first = act(commandline, "revert", payment)
    (row,) = commandline.json("outbox", "list", "--type", "revert_payment")
    history.refused_by_kafka(row["position"])
    assert act(commandline, "revert", payment) == first.replace("queued", "skipped")
    commandline.run("dead-letter", "discard", "1", *WHY, "--yes")
    assert act(commandline, "revert", payment).startswith("queued: ")


@pytest.mark.parametrize("wrong", ["", " ", "r" * 256])
@pytest.mark.parametrize(("option", "field"), [("--runner", "runner_id"), ("--account", "runner_connect_account_id")])
def test_invalid_payee_is_bad_usage(
    commandline: CommandLine, history: History, option: str, field: str, wrong: str
) -> None:
    payment = history.authorize("order-1", "saga-1").payment_id
    said = commandline.run("payment", "release", "order-1", *PAYEE, option, wrong, *WHY, "--yes", code=2).stderr
    assert f"{field} must be a string of 1 to 255 characters" in said
    assert act(commandline, "release", payment).startswith("queued: ")


@pytest.mark.parametrize("chosen", [("order-1",), ("--status", "authorized", "--order", "order-1")])
@pytest.mark.parametrize("verb", ["release", "revert"])
def test_payment_that_moved_on_after_the_question_is_skipped(
    commandline: CommandLine, history: History, monkeypatch: pytest.MonkeyPatch, verb: str, chosen: tuple[str, ...]
) -> None:
    payment = history.authorize("order-1", "saga-1")

    def agree(question: str, **_options: Any) -> bool:
        assert "AUTHORIZED" in question
        history.canceled_at_stripe(payment)
        return True

    monkeypatch.setattr(click, "confirm", agree)
    payee = PAYEE if verb == "release" else ()
    assert commandline.run("payment", verb, *chosen, *payee, *WHY).stdout == (
        f"{payment.payment_id} skipped: is REVERTED now\n"
    )
    assert commandline.json("outbox", "list", "--type", f"{verb}_payment") == []
