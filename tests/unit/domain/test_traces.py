"""Every message has a trace: the given one, or a new one (W3C Trace Context, level 1)."""

import re
from collections.abc import Callable
from uuid import UUID, uuid4, uuid5

import pytest

from service.domain import events
from service.domain.messages import OutgoingMessage, command_message, event_message
from tests.unit.domain.facts import NOW, PAYMENT_ID, RELEASE, payment

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
VALID = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01")


def _event(event_id: UUID, traceparent: str | None = None) -> OutgoingMessage:
    return event_message(
        events.authorized(payment()),
        event_id=event_id,
        topic="payment_events",
        now=NOW,
        payment_id=PAYMENT_ID,
        sequence=1,
        traceparent=traceparent,
    )


def _command(event_id: UUID, traceparent: str | None = None) -> OutgoingMessage:
    return command_message(RELEASE, event_id=event_id, topic="payment_commands", now=NOW, traceparent=traceparent)


Build = Callable[..., OutgoingMessage]


def _trace(message: OutgoingMessage) -> str:
    (found,) = [value for name, value in message.headers if name == "traceparent"]
    return found


@pytest.mark.parametrize("build", [_event, _command])
class TestTrace:
    def test_given_trace_is_continued(self, build: Build) -> None:
        assert _trace(build(uuid4(), TRACE)) == TRACE

    def test_trace_begins_without_a_given_one(self, build: Build) -> None:
        for event_id in (uuid4(), uuid5(PAYMENT_ID, "news")):
            assert VALID.fullmatch(_trace(build(event_id)))

    def test_message_built_twice_has_the_same_trace(self, build: Build) -> None:
        event_id, other = uuid4(), uuid4()
        assert _trace(build(event_id)) == _trace(build(event_id))
        assert _trace(build(event_id)) != _trace(build(other))

    @pytest.mark.parametrize("given", ["", "nonsense", TRACE.upper(), f"ff{TRACE[2:]}", TRACE[:-1], f"{TRACE}\n"])
    def test_trace_begins_anew_if_the_given_one_is_invalid(self, build: Build, given: str) -> None:
        event_id = uuid4()
        assert _trace(build(event_id, given)) == _trace(build(event_id))


def test_new_trace_is_found_by_the_event_id() -> None:
    event_id = UUID("47761d87-d76d-54f2-85d1-0350fa341c28")
    assert _trace(_event(event_id)) == "00-47761d87d76d54f285d10350fa341c28-85d10350fa341c28-01"
