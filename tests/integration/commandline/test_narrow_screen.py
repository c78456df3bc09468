"""Lists on a terminal of 80 columns show every id whole on one line, so that an operator can copy it."""

from uuid import uuid4

import pytest

from service.domain.payment import Payment
from tests.integration.commandline.history import History
from tests.support.terminal import on_terminal

pytestmark = pytest.mark.postgres

SAGA = f"create-order-{uuid4()}"
ORDER = f"order-{uuid4()}"


@pytest.fixture
def payment(history: History) -> Payment:
    """A payment with ids as long as those of callers, and a dead letter about it."""
    payment = history.authorize(ORDER, SAGA)
    history.add_dead_letter(1204, f'{{"type": "revert_payment", "correlation_id": "{SAGA}", "payload": 1}}'.encode())
    return payment


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ("payment list", ("payment", ORDER)),
        ("payment timeline {payment}", ("payment", SAGA)),
        ("command list", ("payment", SAGA)),
        ("dead-letter list", (SAGA,)),
        ("outbox list", ("payment",)),
    ],
)
def test_ids_are_whole_on_one_line(
    database_url: str, payment: Payment, words: str, ids: tuple[str, ...], columns: int
) -> None:
    payment_id = str(payment.payment_id)
    lines = on_terminal(database_url, *words.format(payment=payment_id).split(), columns=columns)
    for wanted in (payment_id if each == "payment" else each for each in ids):
        assert any(wanted in line for line in lines), "\n".join(lines)
    assert max(map(len, lines)) <= columns, "\n".join(lines)


def test_no_color_is_written_if_the_terminal_disables_it(database_url: str, payment: Payment) -> None:
    assert "\x1b" not in "\n".join(on_terminal(database_url, "command", "list", NO_COLOR="1"))


def test_list_longer_than_the_screen_is_shown_in_the_pager(database_url: str, history: History) -> None:
    for number in range(60):
        history.add_dead_letter(number, b"x")
    lines = on_terminal(database_url, "dead-letter", "list", PAGER="tail -n 1")
    assert len([line for line in lines if "NOT_JSON" in line]) < 10, "\n".join(lines)
