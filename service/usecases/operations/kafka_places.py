"""Where a payment's outbox rows are in Kafka, found on demand: nothing is kept, as the outbox is append-only."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import partial
from threading import Lock
from typing import Any

from runtime.record_search import Absent, Found, SearchError, Sought
from service.usecases.operations.timeline import Entry, Source

Search = Callable[[Sequence[Sought]], list[Found | Absent]]
"""Finds records. Raises SearchError."""

SEARCH_SECONDS = 5.0
"""About the longest time that an operator waits for Kafka."""


class InKafka(StrEnum):
    """Where a row is. All that is no place is a reason."""

    FOUND = "found"
    UNPUBLISHED = "unpublished"
    NO_TOPIC = Absent.NO_TOPIC.value
    EXPIRED = Absent.EXPIRED.value
    NOT_FOUND = Absent.NOT_FOUND.value
    UNFINISHED = Absent.UNFINISHED.value
    NO_ANSWER = "no_answer"


_WORDS = {
    InKafka.UNPUBLISHED: "not published yet",
    InKafka.NO_TOPIC: "not found: the topic does not exist",
    InKafka.EXPIRED: "not found: the topic no longer has records of that time (expired?)",
    InKafka.NOT_FOUND: "not found in the topic",
    InKafka.UNFINISHED: "not found in time: too many records, or Kafka is slow",
    InKafka.NO_ANSWER: "Kafka does not answer",
}


def one_at_a_time(search: Search) -> Search:
    """The same search for many threads: while one waits for Kafka, the others are refused instead of waiting, too."""
    lock = Lock()

    def alone(sought: Sequence[Sought]) -> list[Found | Absent]:
        if not lock.acquire(blocking=False):
            raise SearchError("another look-up is under way; try again")
        try:
            return search(sought)
        finally:
            lock.release()

    return alone


def in_words(entry: Entry) -> str | None:
    """Where the row of an entry is; None if it was not looked up."""
    if entry.in_kafka is None:
        return None
    if entry.in_kafka == InKafka.FOUND:
        return f"partition {entry.partition}, offset {entry.offset}"
    return _WORDS[InKafka(entry.in_kafka)]


def placed(entries: Sequence[Entry], payment_id: str, search: Search) -> tuple[list[Entry], str | None]:
    """The entries, those of outbox rows with their places in Kafka; and Kafka's fault in a line, if it has one."""
    rows = [number for number, entry in enumerate(entries) if entry.source is Source.EVENT and entry.published]
    fault = None
    try:
        answers = search([_sought(entries[number], payment_id) for number in rows]) if rows else []
        states = {number: _state(answer) for number, answer in zip(rows, answers, strict=True)}
    except SearchError as error:
        fault, states = str(error), {number: {"in_kafka": InKafka.NO_ANSWER} for number in rows}
    waiting = {"in_kafka": InKafka.UNPUBLISHED}
    found = [
        replace(entry, **states.get(number, waiting)) if entry.source is Source.EVENT else entry
        for number, entry in enumerate(entries)
    ]
    return found, fault


def _state(answer: Found | Absent) -> dict[str, Any]:
    if isinstance(answer, Found):
        return {"in_kafka": InKafka.FOUND, **answer._asdict()}
    return {"in_kafka": InKafka(answer.value)}


def _sought(entry: Entry, payment_id: str) -> Sought:
    return Sought(entry.topic or "", payment_id.encode(), entry.at, partial(_is_of, entry))


def _is_of(entry: Entry, headers: Mapping[str, Any]) -> bool:
    """Whether a record with these headers is that of the entry's row. A replay has the event id of its original."""
    wanted = {"ce_id": entry.event_id, "replay_id": entry.replay_id}
    alike = all(headers.get(name) == (None if value is None else value.encode()) for name, value in wanted.items())
    return alike and (headers.get("replayed") == b"true") is bool(entry.replayed)
