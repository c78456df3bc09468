"""``payment show`` and ``payment timeline`` show the movements of the money."""

from itertools import pairwise
from uuid import UUID

import pytest

from tests.integration.commandline.auditing import Books
from tests.integration.commandline.conftest import CommandLine

pytestmark = pytest.mark.postgres


@pytest.fixture
def paid(books: Books) -> UUID:
    """A released payment, of which another program refunded one cent."""
    payment = books.core.authorize()
    books.core.release(payment)
    books.core.stripe.dashboard("refund", books.core.intent(payment), amount=1)
    books.core.hear()
    return payment


def test_show_contains_the_sums(commandline: CommandLine, paid: UUID) -> None:
    shown = commandline.json("payment", "show", str(paid))
    sums = {name: shown[name] for name in ("held", "captured", "refunded", "disputed", "transferred", "reversed")}
    assert sums == {"held": 0, "captured": 1500, "refunded": 1, "disputed": 0, "transferred": 1500, "reversed": 0}
    assert shown["transfer_currency"] == "sgd"


def test_the_timeline_tells_every_movement_where_it_was_learnt(commandline: CommandLine, paid: UUID) -> None:
    entries = commandline.json("payment", "timeline", str(paid))
    moved = [entry for entry in entries if entry["source"] == "money"]
    assert [(entry["what"], entry["amount"], entry["currency"], entry["by_us"]) for entry in moved] == [
        ("hold", 1500, "sgd", True),
        ("capture", 1500, "sgd", True),
        ("transfer", 1500, "sgd", True),
        ("refund", 1, "sgd", False),
    ]
    assert [entry["cause"] for entry in moved[:3]] == ["authorize_payment c-auth", *["release_payment c-release"] * 2]
    assert all(entry["happened_at"] is not None for entry in moved)
    assert all(before["at"] <= after["at"] for before, after in pairwise(entries))
    order = [entry["what"] for entry in entries]
    assert order.index("hold") < order.index("AUTHORIZED") < order.index("transfer") < order.index("SUCCEEDED")


def test_the_timeline_for_people_says_by_whom(commandline: CommandLine, paid: UUID) -> None:
    lines = commandline.run("payment", "timeline", str(paid)).stdout.splitlines()
    (refund,) = [line for line in lines if " money " in line and " refund " in line]
    assert "1 sgd, re_" in refund
    assert "by others" in refund
    assert "learnt from reconcile" in refund
    (transfer,) = [line for line in lines if " money " in line and " transfer " in line]
    assert "by this service" in transfer
    assert "learnt from release_payment c-release" in transfer
