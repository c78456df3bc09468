"""The lock, its loss, and the doorbell."""

import psycopg2
import pytest

from relay import checkpoint
from relay.checkpoint import PRUNABLE_BELOW, Checkpoint
from relay.leadership import LOCK_TIMEOUT_SECONDS, Leadership
from relay.positions import Settled
from relay.receipt import Epoch
from tests.integration.relay.writers import append, execute, session, write

pytestmark = pytest.mark.postgres


def test_one_leader_per_name_and_the_next_when_it_is_gone(database_url: str) -> None:
    first, second, other = (Leadership(database_url, name) for name in ("one", "one", "other"))
    assert first.acquire()
    assert not second.acquire()
    assert other.acquire()
    first.close()
    while not second.acquire():
        second.wait_for_ring(0.01)


def test_a_silent_leader_loses_the_lock(database_url: str) -> None:
    silent, waiting = Leadership(database_url, "r"), Leadership(database_url, "r")
    assert silent.acquire()
    tries = 0
    while not waiting.acquire():
        tries += 1
        waiting.wait_for_ring(0.1)
    assert tries > 2 * LOCK_TIMEOUT_SECONDS
    with pytest.raises(psycopg2.OperationalError):
        silent.query("SELECT 1")


def test_writers_ring_only_while_the_relay_sleeps(database_url: str) -> None:
    relay = Leadership(database_url, "r")
    relay.listen()
    write(database_url, "events", 1, key="1")
    assert not relay.wait_for_ring(0)
    assert relay.fall_asleep()
    write(database_url, "events", 1, key="2")
    assert relay.wait_for_ring(10)
    relay.wake_up()
    write(database_url, "events", 1, key="3")
    relay.query("SELECT 1")
    assert not relay.wait_for_ring(0)


def test_the_relay_cannot_fall_asleep_over_a_writer_that_did_not_ring(database_url: str) -> None:
    relay = Leadership(database_url, "r")
    with session(database_url) as writer:
        append(writer, "events")
        assert not relay.fall_asleep()
        writer.commit()
    assert relay.fall_asleep()


def test_a_writer_that_begins_while_the_relay_sleeps_rings_when_it_commits(database_url: str) -> None:
    relay = Leadership(database_url, "r")
    relay.listen()
    assert relay.fall_asleep()
    with session(database_url) as writer:
        append(writer, "events")
        assert not relay.wait_for_ring(0)
        writer.commit()
        assert relay.wait_for_ring(10)


def test_the_checkpoint_comes_back_and_tells_what_may_be_pruned(database_url: str) -> None:
    relay = Leadership(database_url, "r")
    assert relay.query(PRUNABLE_BELOW) == 0
    assert checkpoint.load(relay.query, "r") is None
    for settled in (Settled(5, ((7, 9),)), Settled(12)):
        written = Checkpoint(settled, Epoch(2**62, 3))
        checkpoint.save(relay.query, "r", written)
        assert checkpoint.load(relay.query, "r") == written
    checkpoint.save(relay.query, "slower", Checkpoint(Settled(3), Epoch(2**62, 3)))
    assert relay.query(PRUNABLE_BELOW) == 3


def test_the_timeline_is_the_one_written_now(database_url: str) -> None:
    relay = Leadership(database_url, "r")
    [(system, timeline)] = execute(
        database_url, "SELECT system_identifier, timeline_id FROM pg_control_system(), pg_control_checkpoint()"
    )
    assert relay.epoch() == (system, timeline)
