"""Every command that takes a payment takes the same names of it."""

import json
import re
from datetime import timedelta

import pytest
from sqlalchemy import func, update

from service.domain.commands.revert import Revert
from service.domain.payment import Payment
from service.domain.received_records import Arrival
from service.storage import commands
from service.storage.engine import transaction
from service.storage.models import Command
from service.storage.models import Payment as PaymentRow
from tests.integration.commandline.conftest import CommandLine
from tests.integration.commandline.history import History
from tests.integration.commandline.test_acts import WHY

pytestmark = pytest.mark.postgres

SHOW = ("payment", "show")
TAKES_A_PAYMENT = [
    SHOW,
    ("payment", "timeline"),
    ("payment", "revert", *WHY, "--dry-run"),
    ("payment", "release", "--runner", "r", "--account", "acct_1", *WHY, "--dry-run"),
    ("command", "list", "--payment"),
    ("command", "retry", *WHY, "--dry-run", "--payment"),
    ("outbox", "list", "--payment"),
    ("outbox", "replay", "--dry-run", "--payment"),
]
RECONCILE = ("payment", "reconcile", "--dry-run", "--payment")
REPLAY = {"matched": 1, "replayed": 0, "dry_run": True, "replay_id": None}
NAMES = ("payment_id", "order_id", "stripe_payment_intent_id", "stripe_charge_id", "saga-1")


def of_each(*commands: tuple[str, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("words", commands, ids=lambda words: " ".join(words[:2]))


@pytest.fixture
def payment(history: History) -> Payment:
    """It has ids of Stripe's, and a command that waits; and there is another one."""
    found, other = history.authorize("order-1", "saga-1"), history.authorize("order-2", "saga-2")
    with transaction(history.engine) as connection:
        for each in (found, other):
            revert = Revert(f"revert of {each.order_id}", each.payment_id)
            commands.add_open(connection, revert, each.payment_id, Arrival())
        later = {"next_attempt_at": func.now() + timedelta(hours=1)}
        connection.execute(update(Command).where(Command.command_type == "revert_payment").values(**later))
        mine = update(PaymentRow).where(PaymentRow.payment_id == found.payment_id)
        connection.execute(mine.values(stripe_charge_id="ch_1"))
    return found


@of_each(*TAKES_A_PAYMENT)
def test_payment_is_found_by_each_of_its_names(
    commandline: CommandLine, payment: Payment, words: tuple[str, ...]
) -> None:
    shown = commandline.json(*SHOW, str(payment.payment_id))
    found = [commandline.json(*words, str(shown.get(name, name))) for name in NAMES]
    assert found[0] == REPLAY or re.search(f"{payment.payment_id}|saga-1", json.dumps(found[0]))
    assert found == [found[0]] * len(NAMES)


@of_each(*TAKES_A_PAYMENT, RECONCILE)
def test_unknown_name_is_refused(commandline: CommandLine, payment: Payment, words: tuple[str, ...]) -> None:
    said = commandline.run(*words, "nobody", code=1).stderr
    assert "no payment has the id nobody: not its own, its order's, one of Stripe's, or a command's" in said


@of_each(*TAKES_A_PAYMENT, RECONCILE)
def test_order_with_several_payments_is_refused_with_their_ids(
    commandline: CommandLine, history: History, words: tuple[str, ...]
) -> None:
    first, second = history.fail_after("order-1", "saga-1"), history.authorize("order-1", "saga-2").payment_id
    said = commandline.run(*words, "order-1", code=1).stderr
    assert f"order-1 has 2 payments; name one, newest first: {second} (AUTHORIZED), {first} (FAILED)" in said
