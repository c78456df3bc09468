"""The lock, its loss, and the wake-up of a sleeping relay."""

import time
from urllib.parse import urlsplit

import psycopg2
import psycopg2.errors
import pytest

from devstack.saga_client import until
from devstack.tcp_proxy import TcpProxy
from relay import checkpoint
from relay.checkpoint import Checkpoint, CheckpointWriter
from relay.doubts import Life
from relay.leadership import LOCK_TIMEOUT_SECONDS, Leadership
from relay.log_reader import DoubtError
from relay.positions import Settled
from relay.receipt import LastRow, Receipt
from service.storage.engine import FOR_OPERATORS, make_engine, transaction
from service.storage.operator_writes import prunable_below
from tests.integration.relay.writers import append, execute, session, write
from tests.support.emptying import UNGUARDED

pytestmark = pytest.mark.postgres


def test_next_relay_of_a_name_leads_after_the_leader_ends(database_url: str) -> None:
    first, second, other = (Leadership(database_url, name) for name in ("one", "one", "other"))
    assert first.acquire()
    assert not second.acquire()
    assert other.acquire()
    first.close()
    while not second.acquire():
        second.wait_for_wake_up(0.01)


def test_silent_relay_loses_the_lock_and_cannot_write(database_url: str) -> None:
    """The relay is like a frozen process: the server gets no packet of it, and its sessions still exist afterwards."""
    waiting = Leadership(database_url, "r")
    with TcpProxy(urlsplit(database_url).port or 5432) as network:
        silent = Leadership(network.through(database_url), "r")
        assert silent.acquire()
        silent.take_over()
        network.hold()
        began = time.monotonic()
        until(waiting.acquire, "the lock is free")
        assert time.monotonic() - began > LOCK_TIMEOUT_SECONDS - 2
        waiting.take_over()
        network.mend()
        with pytest.raises(psycopg2.OperationalError):
            silent.query("SELECT 1")
        with pytest.raises(psycopg2.OperationalError):
            silent.beat()
        silent.close()
    assert waiting.query("SELECT 1") == 1
    waiting.close()


def test_relay_that_lost_the_lock_ends_no_session(database_url: str) -> None:
    """The relay freezes between taking the lock and ending its predecessor, and continues after a successor's start."""
    late, successor = Leadership(database_url, "r"), Leadership(database_url, "r")
    assert late.acquire()
    late.sever()
    while not successor.acquire():
        successor.wait_for_wake_up(0.01)
    successor.take_over()
    with pytest.raises(psycopg2.OperationalError):
        late.take_over()
    assert successor.query("SELECT 1") == 1
    late.close()
    successor.close()


def test_leader_keeps_its_lock_during_every_wait(database_url: str) -> None:
    leader = Leadership(database_url, "r")
    assert leader.acquire()
    leader.query("SELECT pg_sleep(%s)", (LOCK_TIMEOUT_SECONDS + 1,))
    leader.beat()
    waiting = Leadership(database_url, "r")
    assert not waiting.acquire()
    leader.close()
    waiting.close()


def test_writers_send_wake_ups_only_while_the_relay_sleeps(database_url: str) -> None:
    relay = Leadership(database_url, "r")
    relay.listen()
    write(database_url, "events", 1, key="1")
    assert not relay.wait_for_wake_up(0)
    assert relay.fall_asleep()
    write(database_url, "events", 1, key="2")
    assert relay.wait_for_wake_up(10)
    relay.wake_up()
    write(database_url, "events", 1, key="3")
    relay.query("SELECT 1")
    assert not relay.wait_for_wake_up(0)


def test_relay_does_not_sleep_while_a_writer_without_a_wake_up_runs(database_url: str) -> None:
    relay = Leadership(database_url, "r")
    with session(database_url) as writer:
        append(writer, "events")
        assert not relay.fall_asleep()
        writer.commit()
    assert relay.fall_asleep()


def test_writer_that_begins_while_the_relay_sleeps_sends_a_wake_up_at_its_commit(database_url: str) -> None:
    relay = Leadership(database_url, "r")
    relay.listen()
    assert relay.fall_asleep()
    with session(database_url) as writer:
        append(writer, "events")
        assert not relay.wait_for_wake_up(0)
        writer.commit()
        assert relay.wait_for_wake_up(10)


def receipt_of(relay: Leadership, low: int, *above: tuple[int, int]) -> Receipt:
    return Receipt(Settled(low, above), relay.epoch())


def life_of(relay: Leadership) -> Life:
    return Life(relay.epoch(), relay.query("SELECT 'outbox'::regclass::oid::bigint"))


def prunable(url: str) -> int:
    engine = make_engine(url, 1, FOR_OPERATORS)
    try:
        with transaction(engine) as connection:
            return prunable_below(connection)
    finally:
        engine.dispose()


def test_checkpoint_is_restored_and_bounds_the_prunable_rows(database_url: str) -> None:
    relay = Leadership(database_url, "r")
    life = life_of(relay)
    assert prunable(database_url) == 0
    assert checkpoint.load(relay.query, "r") is None
    saved = CheckpointWriter(relay.query, "r", life, receipt_of(relay, 2))
    for receipt in (receipt_of(relay, 5, (7, 9)), receipt_of(relay, 12)):
        saved.save(receipt)
        assert checkpoint.load(relay.query, "r") == Checkpoint(receipt.settled, life.epoch, life.outbox)
    CheckpointWriter(relay.query, "slower", life, receipt_of(relay, 3))
    assert prunable(database_url) == 3


@pytest.mark.parametrize(
    "restored",
    [
        "UPDATE relay_checkpoints SET low = 5",
        "DELETE FROM relay_checkpoints",
        f"{UNGUARDED}; DELETE FROM outbox",
        "ALTER TABLE outbox RENAME TO older; CREATE TABLE outbox (LIKE older); INSERT INTO outbox SELECT * FROM older",
    ],
    ids=["its row", "its row is gone", "the last row is gone", "the table"],
)
def test_relay_does_not_overwrite_a_restored_checkpoint(restored: str, database_url: str) -> None:
    relay = Leadership(database_url, "r")
    write(database_url, "events", 3)
    receipt = receipt_of(relay, 3)._replace(last_row=LastRow(3, "digest"))
    saved = CheckpointWriter(relay.query, "r", life_of(relay), receipt)
    saved.save(receipt)
    execute(database_url, restored)
    before = checkpoint.load(relay.query, "r")
    with pytest.raises(DoubtError):
        saved.save(receipt)
    assert checkpoint.load(relay.query, "r") == before


def test_doubt_remains_until_the_comparison(database_url: str) -> None:
    relay = Leadership(database_url, "r")
    life = life_of(relay)
    CheckpointWriter(relay.query, "r", life, receipt_of(relay, 3))
    checkpoint.keep_doubt(relay.query, "r", life, "first")
    checkpoint.keep_doubt(relay.query, "r", life, None)
    checkpoint.keep_doubt(relay.query, "r", life, "second")
    assert checkpoint.load(relay.query, "r") == Checkpoint(Settled(3), life.epoch, life.outbox, "first")
    CheckpointWriter(relay.query, "r", life, receipt_of(relay, 3), "an older one")
    assert checkpoint.load(relay.query, "r") == Checkpoint(Settled(3), life.epoch, life.outbox, "first")
    CheckpointWriter(relay.query, "r", life, receipt_of(relay, 3), "first")
    assert checkpoint.load(relay.query, "r") == Checkpoint(Settled(3), life.epoch, life.outbox, None)


def test_sequence_cache_that_cannot_be_removed_yet_is_reported_with_a_remedy(database_url: str) -> None:
    """A transaction with a position is still open."""
    relay = Leadership(database_url, "r")
    execute(database_url, "ALTER SEQUENCE outbox_position_seq CACHE 20")
    with session(database_url) as writer:
        append(writer, "events")
        with pytest.raises(psycopg2.errors.LockNotAvailable, match=r"cache 20 .*ALTER SEQUENCE outbox_position_seq"):
            checkpoint.mend_sequence(relay.query)
        writer.commit()
    assert "cache 20" in str(checkpoint.mend_sequence(relay.query))
    assert checkpoint.mend_sequence(relay.query) is None


def test_timeline_is_the_current_one(database_url: str) -> None:
    relay = Leadership(database_url, "r")
    [(system, timeline)] = execute(
        database_url, "SELECT system_identifier, timeline_id FROM pg_control_system(), pg_control_checkpoint()"
    )
    assert relay.epoch() == (system, timeline)
