"""A command by HTTP is in the outbox once or not at all."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from service.domain.command_reader import read
from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.storage.models import Payment
from service.storage.request_keys import Claim, RequestKey, claim
from service.usecases.queue_command import CommandRequests, KeyReusedError, UnknownPaymentError
from tests.integration.api.conftest import Book

pytestmark = pytest.mark.postgres

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
AT_ONCE = 8


@pytest.fixture
def requests(book: Book) -> CommandRequests:
    return CommandRequests(book.engine, "commands")


def _revert(payment_id: UUID, reason: str | None = None) -> Revert:
    return Revert(str(uuid4()), payment_id, reason)


def test_queued_command_is_read_back_unchanged(book: Book, requests: CommandRequests) -> None:
    payment_id = book.pay()
    release = Release("c-1", payment_id, "runner ☕", "acct_1")
    assert requests.queue(release, key=None, traceparent=TRACE) == "c-1"
    (row,) = book.sent()
    assert read(row.value.encode(), "sgd") == release
    assert (row.topic, row.key, row.type, row.sequence) == ("commands", str(payment_id), "release_payment", None)
    headers = dict(row.headers)
    assert headers["ce_id"] == str(row.event_id)
    assert headers["ce_subject"] == str(payment_id)
    assert (headers["correlation_id"], headers["traceparent"]) == ("c-1", TRACE)
    assert json.loads(row.value)["source"] == "payment-service"


def test_request_for_an_unknown_payment_writes_nothing(book: Book, requests: CommandRequests) -> None:
    with pytest.raises(UnknownPaymentError):
        requests.queue(_revert(uuid4()), key="k", traceparent=None)
    assert (book.sent(), book.keys()) == ([], set())


def test_each_request_without_a_key_is_queued(book: Book, requests: CommandRequests) -> None:
    payment_id = book.pay()
    ids = [requests.queue(_revert(payment_id), key=None, traceparent=None) for _ in range(2)]
    assert [dict(row.headers)["correlation_id"] for row in book.sent()] == ids


def test_repeated_key_and_content_is_queued_once(book: Book, requests: CommandRequests) -> None:
    payment_id = book.pay()
    first, second = (requests.queue(_revert(payment_id, "r"), key="k", traceparent=None) for _ in range(2))
    assert first == second
    assert len(book.sent()) == 1


@pytest.mark.parametrize("reason", [None, "s"])
def test_same_key_and_other_content_is_refused(book: Book, requests: CommandRequests, reason: str | None) -> None:
    payment_id = book.pay()
    first = requests.queue(_revert(payment_id, "r"), key="k", traceparent=None)
    with pytest.raises(KeyReusedError):
        requests.queue(_revert(payment_id, reason), key="k", traceparent=None)
    assert requests.queue(_revert(payment_id, "r"), key="k", traceparent=None) == first
    assert len(book.sent()) == 1


def test_idempotency_key_is_scoped_to_route_and_payment(book: Book, requests: CommandRequests) -> None:
    one, other = book.pay(), book.pay()
    commands: list[Release | Revert] = [_revert(one), _revert(other), Release(str(uuid4()), one, "r", "acct")]
    assert len({requests.queue(command, key="k", traceparent=None) for command in commands}) == 3
    assert len(book.sent()) == 3


def _at_once(tasks: list[Callable[[], str]]) -> list[str | Exception]:
    barrier = Barrier(len(tasks))

    def run(task: Callable[[], str]) -> str | Exception:
        barrier.wait(30)
        try:
            return task()
        except (KeyReusedError, DBAPIError) as error:
            return error

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(run, tasks))


def test_simultaneous_requests_with_one_key_are_queued_once(book: Book, requests: CommandRequests) -> None:
    payment_id = book.pay()
    found = _at_once([lambda: requests.queue(_revert(payment_id), key="k", traceparent=None)] * AT_ONCE)
    (row,) = book.sent()
    assert found == [dict(row.headers)["correlation_id"]] * AT_ONCE


def test_of_two_simultaneous_contents_one_is_queued(book: Book, requests: CommandRequests) -> None:
    payment_id = book.pay()
    reasons = ["a", "b"] * (AT_ONCE // 2)
    found = _at_once(
        [lambda r=r: requests.queue(_revert(payment_id, r), key="k", traceparent=None) for r in reasons]  # type: ignore[misc]
    )
    (row,) = book.sent()
    winner = json.loads(row.value)["payload"]["reason"]
    expected = [row.value and dict(row.headers)["correlation_id"] if r == winner else KeyReusedError for r in reasons]
    assert [type(each) if isinstance(each, Exception) else each for each in found] == expected


def test_commands_of_one_payment_commit_in_the_order_of_their_positions(book: Book, requests: CommandRequests) -> None:
    """A writer locks the payment's row: a second writer waits, and gets its position afterwards."""
    payment_id = book.pay()
    with book.engine.begin() as connection, ThreadPoolExecutor(1) as pool:
        connection.execute(select(Payment).where(Payment.payment_id == payment_id).with_for_update())
        waiting = pool.submit(requests.queue, _revert(payment_id), key=None, traceparent=None)
        book.wait_for_a_lock(unless=waiting.done)
        assert not waiting.done()
        connection.commit()
        assert waiting.result(30)


def test_new_idempotency_keys_delete_old_ones(book: Book, requests: CommandRequests) -> None:
    payment_id = book.pay()
    now = datetime.now(UTC)
    for number in range(3):
        book.keep_key(f"old-{number}", now - timedelta(hours=49 + number))
    book.keep_key("young", now - timedelta(hours=25))
    requests.queue(_revert(payment_id), key="new", traceparent=None)
    assert book.keys() == {"old-0", "young", "new"}
    requests.queue(_revert(payment_id), key="new", traceparent=None)
    assert book.keys() == {"old-0", "young", "new"}
    requests.queue(_revert(payment_id), key="newer", traceparent=None)
    assert book.keys() == {"young", "new", "newer"}


@pytest.mark.parametrize("first_commits", [True, False])
def test_request_waits_for_a_simultaneous_request_with_the_same_key(book: Book, first_commits: bool) -> None:
    """The wait is for the key's own row, independent of other locks."""
    key = RequestKey("revert_payment", uuid4(), "k")
    first, second = Claim(b"f", "first"), Claim(b"f", "second")

    def claim_second() -> Claim:
        with book.engine.begin() as connection:
            return claim(connection, key, second)

    with book.engine.connect() as connection, ThreadPoolExecutor(1) as pool:
        assert claim(connection, key, first) == first
        waiting = pool.submit(claim_second)
        book.wait_for_a_lock(unless=waiting.done)
        assert not waiting.done()
        connection.commit() if first_commits else connection.rollback()
        assert waiting.result(30) == (first if first_commits else second)
