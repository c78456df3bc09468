"""The form that replays a payment's messages: it says how many go out, and acts once however often it is sent."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from service.domain.commands.revert import Revert
from service.domain.operator_acts import Channel, Grounds
from service.storage import operator_replays
from service.storage.engine import make_engine, transaction
from service.usecases.operations import replay, retries
from service.usecases.operations.desk import Desk
from service.usecases.queue_command import CommandRequests
from tests.integration.commandline.history import History
from tests.integration.ops_page.conftest import OPERATOR, TOKEN, page_of

pytestmark = pytest.mark.postgres

PROGRAM = {"Authorization": f"Bearer {TOKEN}"}
_AT_ONCE = 6

Client = Callable[[], FlaskClient]


@pytest.fixture
def history(database_url: str) -> Iterator[History]:
    engine = make_engine(database_url, pool_size=_AT_ONCE)
    yield History(engine)
    engine.dispose()


@pytest.fixture
def client(history: History) -> Client:
    """Makes clients of a program with the operator's token."""
    return page_of(history.engine, Desk(history.engine, history.engine)).test_client


@pytest.fixture
def payment(history: History) -> UUID:
    """A payment with two events and a command."""
    paid = history.authorize("order-1", "saga-1")
    history.canceled_at_stripe(paid)
    requests = CommandRequests(history.engine, "payment_commands")
    requests.queue(Revert("saga-2", paid.payment_id), key=None, traceparent=None)
    return paid.payment_id


def _ask(history: History, statement: str) -> list[Any]:
    with transaction(history.engine) as connection:
        return list(connection.execute(text(statement)).scalars())


def _send(client: Client, payment: UUID, form_id: object) -> int:
    form = {"reason": "the reader lost them", "form_id": str(form_id)}
    return client().post(f"/ops/payments/{payment}/replay", data=form, headers=PROGRAM).status_code


def _check_replayed_once(history: History, form_id: UUID) -> None:
    ids = "SELECT event_id FROM outbox WHERE replayed = {} ORDER BY position"
    assert _ask(history, ids.format("true")) == _ask(history, ids.format("false"))
    assert _ask(history, "SELECT detail->>'replay_id' FROM operator_actions") == [str(form_id)]


def test_form_sent_twice_replays_once(client: Client, history: History, payment: UUID) -> None:
    form_id = uuid4()
    assert [_send(client, payment, form_id) for _ in range(2)] == [303, 303]
    _check_replayed_once(history, form_id)


def test_form_sent_at_the_same_moment_replays_once(
    client: Client, history: History, payment: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "BATCH", 1)
    form_id = uuid4()
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        answers = list(threads.map(lambda _: _send(client, payment, form_id), range(_AT_ONCE)))
    assert answers == [303] * _AT_ONCE
    _check_replayed_once(history, form_id)


def test_form_sent_again_finishes_what_was_interrupted(
    client: Client, history: History, payment: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "BATCH", 1)
    appended, form_id = operator_replays.append_again, uuid4()

    def interrupted(connection: Any, rows: Any, replay_id: Any) -> None:
        if _ask(history, "SELECT 1 FROM outbox WHERE replayed"):
            raise KeyboardInterrupt
        appended(connection, rows, replay_id)

    with monkeypatch.context() as once:
        once.setattr(operator_replays, "append_again", interrupted)
        with pytest.raises(KeyboardInterrupt):
            _send(client, payment, form_id)
    assert _send(client, payment, form_id) == 303
    _check_replayed_once(history, form_id)


def test_form_of_one_payment_replays_no_other(client: Client, history: History, payment: UUID) -> None:
    other, form_id = history.authorize("order-2", "saga-3").payment_id, uuid4()
    assert [_send(client, each, form_id) for each in (payment, other)] == [303, 409]
    assert _ask(history, "SELECT DISTINCT key FROM outbox WHERE replayed") == [str(payment)]


def test_form_counts_the_commands_and_events_that_go_out(client: Client, history: History, payment: UUID) -> None:
    history.add_dead_letter(1, b"{", key=str(payment).encode())
    retries.retry_dead_letter(history.engine, 1, Grounds(OPERATOR, Channel.PAGE, "mended"))
    for _ in range(2):
        form = client().get(f"/ops/payments/{payment}/replay", headers=PROGRAM)
        assert "2 commands and 2 events" in form.text
        _send(client, payment, uuid4())
