"""The lock, its loss, and the doorbell."""

import time
from urllib.parse import urlsplit

import psycopg2
import pytest

from devstack.tcp_proxy import TcpProxy
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


def test_who_was_silent_loses_the_lock_and_can_write_no_more(database_url: str) -> None:
    """As a frozen process: the server hears nothing of it, and its sessions are there when it is thawed."""
    waiting = Leadership(database_url, "r")
    with TcpProxy(urlsplit(database_url).port or 5432) as network:
        silent = Leadership(network.through(database_url), "r")
        assert silent.acquire()
        silent.take_over()
        network.hold()
        began = time.monotonic()
        while not waiting.acquire():
            continue
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


def test_who_lost_the_lock_ends_nobody(database_url: str) -> None:
    """Frozen between taking the lock and ending its predecessor, and thawed when there is a successor."""
    late, successor = Leadership(database_url, "r"), Leadership(database_url, "r")
    assert late.acquire()
    late.sever()
    while not successor.acquire():
        continue
    successor.take_over()
    with pytest.raises(psycopg2.OperationalError):
        late.take_over()
    assert successor.query("SELECT 1") == 1
    late.close()
    successor.close()


def test_the_lock_is_kept_whatever_the_leader_waits_for(database_url: str) -> None:
    leader = Leadership(database_url, "r")
    assert leader.acquire()
    leader.query("SELECT pg_sleep(%s)", (LOCK_TIMEOUT_SECONDS + 1,))
    leader.beat()
    waiting = Leadership(database_url, "r")
    assert not waiting.acquire()
    leader.close()
    waiting.close()


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
