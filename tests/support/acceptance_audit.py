"""The invariants of all published records, which hold at any moment."""

from collections import Counter, defaultdict

from devstack.saga_client import Record
from service.domain.commands.command import CommandKey
from service.domain.messages import outcome_id
from tests.support.acceptance_schema import check_command, check_dead_letter, check_event


def check(events: list[Record], letters: list[Record], commands: list[Record]) -> None:
    """Check that all records match docs/asyncapi.yaml, that none is doubled, that each command has one answer, and
    that the events of each payment are 1, 2, 3 … Records of a replay do not count. ``commands``: the service's own.

    Raises ValidationError or AssertionError.
    """
    for event in events:
        check_event(event.body, event.headers)
    for letter in letters:
        check_dead_letter(letter.body)
    for command in commands:
        check_command(command.body, command.headers)
    published = [event for event in events if event.headers.get("replayed") != "true"]
    _each_once(published)
    _without_gaps(published)


def _each_once(events: list[Record]) -> None:
    by_id = Counter(event.headers["ce_id"] for event in events)
    assert [id_ for id_, times in by_id.items() if times > 1] == [], "published more than once"
    by_command = Counter(event.answers for event in events if event.answers is not None)
    for answers, times in by_command.items():
        # One more for each time that an operator reopened it: its id distinguishes them.
        ids = {event.headers["ce_id"] for event in events if event.answers == answers}
        assert ids == {str(outcome_id(CommandKey(*answers), n)) for n in range(times)}, f"{answers}: {times} answers"


def _without_gaps(events: list[Record]) -> None:
    by_payment: dict[str, list[int]] = defaultdict(list)
    for event in events:
        if "sequence" in event.headers:
            assert event.headers["ce_subject"] == event.key
            by_payment[event.headers["ce_subject"]].append(int(event.headers["sequence"]))
    for payment_id, sequence in by_payment.items():
        assert sequence == list(range(1, len(sequence) + 1)), payment_id
