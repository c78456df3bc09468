"""A log that takes no lines (a full disk, a collector that hangs) stops no payment."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.service_process import ALL_SERVICES, ServiceName
from tests.support.acceptance import CHALLENGED, World
from tests.support.probes import value_of

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

FULL = Path("/dev/full")
"""Refuses every write, as a full disk does (Linux manual, full(4))."""


@pytest.fixture
def unread(tmp_path: Path) -> Iterator[Path]:
    """A pipe that is full, and whose reader takes nothing."""
    pipe = tmp_path / "log"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    os.write(writer, bytes(fcntl.fcntl(writer, fcntl.F_GETPIPE_SZ)))
    yield pipe
    os.close(writer)
    os.close(reader)


@pytest.fixture
def mute(world: World, unread: Path) -> Iterator[World]:
    """The stack, with processes whose standard error takes nothing."""
    services = world.application.services
    logs = {name: service.log for name, service in services.items()}
    world.application.stop()
    for name, service in services.items():
        service.log = FULL if name == "consume" else unread
        service.start()
    for service in services.values():
        service.wait_until_ready()
    try:
        yield world
    finally:
        world.application.stop()
        for name, service in services.items():
            service.log = logs[name]


def test_processes_work_and_stop_cleanly_while_their_log_refuses_every_line(mute: World) -> None:
    event = mute.released()
    challenged = mute.authorize(CHALLENGED)
    waiting = mute.payment_in("REQUIRES_ACTION", challenged.payload["order_id"])
    mute.stripe.finish_challenge(waiting["stripe_payment_intent_id"])
    assert mute.outcome(challenged).status == "AUTHORIZED"
    mute.outcome(mute.revert(event.payment_id))
    services = mute.application.services
    for name in ALL_SERVICES:
        assert lost_lines(mute, name) > 0, name
        assert services[name].stop() == 0, name


def lost_lines(world: World, name: ServiceName) -> float:
    return value_of(world.application.services[name].port, "payment_log_lines_lost_total")
