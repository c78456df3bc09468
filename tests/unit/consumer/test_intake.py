"""Each record reaches its use case under its ordering key, and is finished once it is durable."""

import json
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest
from confluent_kafka import Message
from prometheus_client import REGISTRY

from consumer.intake import Intake
from consumer.offsets import OffsetTracker, Partition
from consumer.workers import Workers
from service.domain.commands.authorize import Authorize
from service.domain.commands.release import Release
from service.domain.received_records import InvalidCommand, Origin, UnreadableMessage
from tests.unit.consumer.doubles import LONG, FakeMessage, RecordingCommands

P0: Partition = ("commands", 0)
PAYMENT = "0b54a3a5-6a3c-4a38-9b5a-1d8e9c4a7f10"
NESTED = {
    "type": "authorize_payment",
    "correlation_id": "c-1",
    "payload": {
        "order_id": "order-1",
        "customer": {"clerkUserId": "u", "userStripeCard": {"payment_method_id": "pm_1"}},
        "order": {"amount": 900},
    },
}
RELEASE = {
    "type": "release_payment",
    "correlation_id": "c-2",
    "payment_id": PAYMENT,
    "runner_id": "r",
    "runner_connect_account_id": "acct_1",
}


class Bench:
    """An intake with one worker and one partition."""

    def __init__(self, commands: RecordingCommands) -> None:
        self.commands = commands
        self.tracker = OffsetTracker()
        self.tracker.assign(P0)
        self.workers = Workers(1, delay=lambda _: 0.0)
        self.intake = Intake(commands, self.workers, self.tracker, "usd")

    def accept(self, message: FakeMessage) -> None:
        self.intake.accept(cast("Message", message))

    def send(self, content: Any, offset: int = 0) -> tuple[str, Any, Origin]:
        value = content if isinstance(content, bytes | None) else json.dumps(content).encode()
        self.accept(FakeMessage(value, offset))
        self.commands.wait_for(1)
        assert self.workers.stop(LONG) == 0
        return self.commands.calls[0]


def dead_letters(reason: str) -> float:
    return REGISTRY.get_sample_value("payment_consumer_dead_letters_total", {"reason": reason}) or 0.0


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench(RecordingCommands())
    yield made
    made.workers.stop(LONG)


def test_commands_are_handled(bench: Bench) -> None:
    call, command, origin = bench.send(NESTED, offset=41)
    assert call == "handle"
    assert isinstance(command, Authorize)
    assert command.currency == "usd"
    assert (origin.topic, origin.partition, origin.offset) == ("commands", 0, 41)
    assert bench.tracker.uncommitted() == {P0: 42}


def test_a_release_is_handled(bench: Bench) -> None:
    call, command, _ = bench.send(RELEASE)
    assert call == "handle"
    assert isinstance(command, Release)


def test_an_invalid_command_is_refused(bench: Bench) -> None:
    before = dead_letters("INVALID_PAYLOAD")
    call, invalid, _ = bench.send({"type": "release_payment", "correlation_id": "c-3"})
    assert call == "refuse"
    assert dead_letters("INVALID_PAYLOAD") == before + 1
    assert isinstance(invalid, InvalidCommand)
    assert bench.tracker.uncommitted() == {P0: 1}


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"{}"])
def test_unreadable_record_becomes_a_dead_letter(bench: Bench, value: bytes | None) -> None:
    call, unreadable, origin = bench.send(value)
    assert call == "dead_letter"
    assert isinstance(unreadable, UnreadableMessage)
    assert dead_letters(unreadable.reason) > 0
    assert origin.value == value
    assert bench.tracker.uncommitted() == {P0: 1}


def test_the_record_is_kept_whole(bench: Bench) -> None:
    headers = [("traceparent", b"00-1-2-01"), ("empty", None), ("traceparent", b"00-3-4-01")]
    bench.accept(FakeMessage(b"{}", 7, key_=b"\x00k", headers_=headers))
    bench.commands.wait_for(1)
    origin = bench.commands.calls[0][2]
    assert (origin.key, origin.value, origin.headers) == (b"\x00k", b"{}", headers)
    assert origin.traceparent == "00-3-4-01"


def test_headers_that_are_not_utf8_do_not_stop_the_record(bench: Bench) -> None:
    class Odd(FakeMessage):
        def headers(self) -> Any:
            raise SystemError("returned a result with an exception set")

    bench.accept(Odd(b"{}"))
    bench.commands.wait_for(1)
    assert bench.commands.calls[0][2].headers == []


def test_a_record_of_a_lost_partition_is_left_alone(bench: Bench) -> None:
    bench.tracker.release(P0)
    bench.accept(FakeMessage(json.dumps(RELEASE).encode()))
    assert bench.workers.held == 0


def test_waiting_jobs_leave_with_their_partition() -> None:
    entered, gate = threading.Event(), threading.Event()

    def hold(_: Origin) -> None:
        entered.set()
        gate.wait(LONG)

    bench = Bench(RecordingCommands(before=hold))
    for offset in range(2):
        bench.accept(FakeMessage(json.dumps({**RELEASE, "correlation_id": f"c-{offset}"}).encode(), offset))
    assert entered.wait(LONG)
    assert bench.workers.held == 2
    assert not bench.workers.hand_over(set(bench.tracker.claims()), 0)
    assert bench.workers.held == 1
    gate.set()
    assert bench.workers.stop(LONG) == 0
    assert bench.tracker.uncommitted() == {P0: 1}


def test_a_copy_behind_the_same_record_is_handled_with_it() -> None:
    entered, gate = threading.Event(), threading.Event()

    def hold(_: Origin) -> None:
        entered.set()
        gate.wait(LONG)

    bench = Bench(RecordingCommands(before=hold))
    for offset in range(400):
        bench.accept(FakeMessage(json.dumps(RELEASE).encode(), offset))
    assert entered.wait(LONG)
    assert bench.workers.held == 1
    assert bench.tracker.uncommitted() == {P0: 0}
    gate.set()
    assert bench.workers.stop(LONG) == 0
    assert bench.tracker.uncommitted() == {P0: 400}
    assert len(bench.commands.calls) == 1


def test_an_offset_waits_until_the_record_is_durable() -> None:
    failures = iter([ConnectionError("away"), ConnectionError("away"), None])
    bench: Bench

    def before(_: Origin) -> None:
        assert bench.tracker.uncommitted() == {P0: 5}
        error = next(failures)
        if error:
            raise error

    bench = Bench(RecordingCommands(before=before))
    bench.send(RELEASE, offset=5)
    assert bench.tracker.uncommitted() == {P0: 6}
