"""``payment show`` and ``payment timeline``."""

import pytest

from tests.integration.commandline.conftest import CommandLine
from tests.integration.commandline.history import History

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize("by", ["payment_id", "order_id", "stripe_payment_intent_id"])
def test_show_finds_a_payment_by_each_of_its_names(commandline: CommandLine, history: History, by: str) -> None:
    payment = history.authorize("order-1", "saga-1")
    history.authorize("order-2", "saga-2")
    shown = commandline.json("payment", "show", str(getattr(payment, by)))
    assert shown["payment_id"] == str(payment.payment_id)
    assert (shown["status"], shown["amount"], shown["failure"]) == ("AUTHORIZED", 1250, None)
    assert shown["created_at"].endswith("Z")


def test_payment_is_shown_for_people(commandline: CommandLine, history: History) -> None:
    payment = history.authorize("order-1", "saga-1")
    assert str(payment.payment_id) in commandline.run("payment", "show", "order-1").stdout


def test_order_with_several_payments_needs_a_payment_id(commandline: CommandLine, history: History) -> None:
    first = history.fail_after("order-1", "saga-1")
    second = history.fail_after("order-1", "saga-2")
    said = commandline.run("payment", "show", "order-1", code=1).stderr
    assert str(first) in said
    assert str(second) in said


@pytest.mark.parametrize("verb", ["show", "timeline"])
def test_unknown_payment_is_reported_in_one_line(commandline: CommandLine, verb: str) -> None:
    result = commandline.run("payment", verb, "nothing", code=1)
    assert result.stderr == "no payment has the id nothing: not its own, its order's, one of Stripe's, or a command's\n"
    assert result.stdout == ""


def test_timeline_tells_everything_in_order(commandline: CommandLine, history: History) -> None:
    history.canceled_at_stripe(history.authorize("order-1", "saga-1"))
    entries = commandline.json("payment", "timeline", "order-1")
    assert [(entry["source"], entry["what"]) for entry in entries] == [
        ("command", "authorize_payment accepted"),
        ("payment", "INITIATING"),
        ("payment", "AUTHORIZED"),
        ("event", "payment.authorized"),
        ("answer", "authorize_payment answered"),
        ("stripe", "payment_intent.canceled"),
        ("payment", "REVERTED"),
        ("event", "payment.failed"),
    ]
    events = [entry for entry in entries if entry["source"] == "event"]
    assert [entry["sequence"] for entry in events] == [1, 2]
    assert [entry["published"] for entry in events] == [False, False]
    assert [entry["at"] for entry in entries] == sorted(entry["at"] for entry in entries)


def test_timeline_says_where_an_open_command_stands(commandline: CommandLine, history: History) -> None:
    history.accept("order-1", "saga-1")
    last = commandline.json("payment", "timeline", "order-1")[-1]
    assert (last["what"], last["detail"]) == ("authorize_payment pending", "at create_intent:act, attempts 0")


def test_timeline_is_a_table_for_people(commandline: CommandLine, history: History) -> None:
    history.authorize("order-1", "saga-1")
    table = commandline.run("payment", "timeline", "order-1").stdout
    assert "payment.authorized" in table
    assert "\x1b" not in table
