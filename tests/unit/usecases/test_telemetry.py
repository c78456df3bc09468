"""The log line of an outcome, in both formats of the log and for any text of a caller."""

from typing import Literal
from uuid import uuid4

import pytest
from structlog.contextvars import bind_contextvars, get_contextvars

from service.domain import events
from service.domain.commands.command import CommandKey
from service.domain.messages import OutgoingMessage, event_message
from service.usecases import telemetry
from tests.support.loglines import logging_as_text, logging_to_memory
from tests.unit.domain.facts import NOW, payment

HOSTILE = 'x"}\n{"event": "forged", "correlation_id": "\x1b[31m'


def _message(answer: events.Answer) -> OutgoingMessage:
    return event_message(
        answer, event_id=uuid4(), topic="t", now=NOW, payment_id=payment().payment_id, sequence=1, traceparent=None
    )


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_line_is_found_by_its_names_in_both_formats(log_format: Literal["json", "console"]) -> None:
    answer = events.authorized(payment())
    message = _message(answer)
    with logging_as_text(log_format) as written:
        telemetry.recorded(answer, message, 0.5)
    (line,) = written().splitlines()
    names = [answer.correlation_id, str(payment().payment_id), payment().order_id, message.trace_id, "command_answered"]
    assert [name for name in [*names, str(message.event_id), "500"] if str(name) not in line] == []


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_hostile_names_forge_no_line(log_format: Literal["json", "console"]) -> None:
    answer = events.Answer("payment.failed", HOSTILE, {"order_id": HOSTILE, "error": "E"}, "authorize_payment")
    with logging_as_text(log_format) as written:
        telemetry.recorded(answer, _message(answer), 0.0)
    (line,) = written().splitlines()
    assert "\x1b[31m" not in line


def test_log_context_of_a_caller_ends_with_its_command() -> None:
    first, second = CommandKey("authorize_payment", "a"), CommandKey("revert_payment", "a")
    with logging_to_memory():
        bind_contextvars(command_type=first.command_type, correlation_id="a", caller="topic/0/1")
        telemetry.begin(first, payment(), None)
        assert get_contextvars()["caller"] == "topic/0/1"
        telemetry.begin(second, payment(), None)
        assert "caller" not in get_contextvars()
        assert get_contextvars()["command_type"] == "revert_payment"
