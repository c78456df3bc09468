"""A record whose contents the database refuses becomes a dead letter. After any other failure it is tried again."""

import pytest

from consumer.giving_up import TRIES, GivingUp
from service.domain.errors import NotDurableError, Wait
from service.domain.received_records import Origin, UnreadableMessage
from tests.unit.consumer.doubles import RecordingCommands

COMMAND = object()


class Refusing(RecordingCommands):
    """Every command fails with this wait. Dead letters can be written."""

    def __init__(self, wait: Wait) -> None:
        super().__init__()
        self.wait = wait

    def handle(self, command: object, origin: Origin) -> None:
        raise NotDurableError(self.wait, "IntegrityError 23505 outbox uq_outbox_event_id")


def origin(offset: int = 7) -> Origin:
    return Origin("commands", 0, offset, None, b"{}", [])


def test_repeatedly_refused_record_becomes_a_dead_letter_with_the_reason() -> None:
    commands = Refusing(Wait.REFUSED)
    giving_up = GivingUp(commands)
    for _ in range(TRIES - 1):
        with pytest.raises(NotDurableError):
            giving_up.handle(COMMAND, origin())  # type: ignore[arg-type]
    assert commands.calls == []
    giving_up.handle(COMMAND, origin())  # type: ignore[arg-type]
    ((call, letter, place),) = commands.calls
    assert (call, place) == ("dead_letter", origin())
    assert isinstance(letter, UnreadableMessage)
    assert letter.reason == "NOT_STORABLE"
    assert "uq_outbox_event_id" in letter.detail


def test_refusals_are_counted_for_each_record() -> None:
    commands = Refusing(Wait.REFUSED)
    giving_up = GivingUp(commands)
    for offset in range(2 * TRIES):
        with pytest.raises(NotDurableError):
            giving_up.handle(COMMAND, origin(offset))  # type: ignore[arg-type]
    assert commands.calls == []


@pytest.mark.parametrize("wait", [wait for wait in Wait if wait is not Wait.REFUSED])
def test_a_passing_fault_is_never_given_up(wait: Wait) -> None:
    commands = Refusing(wait)
    giving_up = GivingUp(commands)
    for _ in range(3 * TRIES):
        with pytest.raises(NotDurableError):
            giving_up.handle(COMMAND, origin())  # type: ignore[arg-type]
    assert commands.calls == []
