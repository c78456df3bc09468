"""The geometry of the two pictures, in the units of their SVG: the templates draw what is computed here."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from runtime.durations import age
from service.usecases.operations.lag_history import SECONDS, Sample
from service.usecases.operations.timeline import Entry, Source

LINE_WIDTH, LINE_HEIGHT = 640, 120
_POINTS = 240
_HOLE = 4 * SECONDS
"""Samples further apart are not connected: nobody looked in between."""


class Line(NamedTuple):
    """The lag over a span of time. ``paths``: the unbroken pieces of the line; ``most``: the age at the top."""

    paths: list[str]
    most: float
    first: datetime
    last: datetime


def line(samples: Sequence[Sample], begin: datetime, end: datetime) -> Line | None:
    """The line of the oldest waiting row's age; None with fewer than two samples."""
    if len(samples) < 2:
        return None
    step = (end - begin).total_seconds() / _POINTS
    highest: dict[int, Sample] = {}
    for sample in samples:
        place = int((sample.at - begin).total_seconds() / step)
        known = highest.get(place)
        if known is None or sample.seconds > known.seconds:
            highest[place] = sample
    most = max([1.0, *(sample.seconds for sample in highest.values())])
    pieces: list[list[str]] = []
    before: datetime | None = None
    for sample in highest.values():
        x = (sample.at - begin).total_seconds() / (end - begin).total_seconds() * LINE_WIDTH
        y = LINE_HEIGHT - sample.seconds / most * (LINE_HEIGHT - 4) - 2
        broken = before is None or (sample.at - before).total_seconds() > max(_HOLE, 2 * step)
        if broken:
            pieces.append([])
        pieces[-1].append(f"{x:.1f},{y:.1f}")
        before = sample.at
    return Line([" ".join(piece) for piece in pieces], most, samples[0].at, samples[-1].at)


LANES = ("Operator", "Command", "Stripe", "Webhook", "Money", "Status", "Outbox", "Kafka")
_KAFKA = "Kafka"
_LANE_OF = {
    Source.OPERATOR: "Operator",
    Source.COMMAND: "Command",
    Source.CALL: "Stripe",
    Source.MONEY: "Money",
    Source.STRIPE: "Webhook",
    Source.PAYMENT: "Status",
    Source.EVENT: "Outbox",
    Source.ANSWER: "Command",
}
_LEFT, _COLUMN, _LANE, _TOP = 72, 104, 40, 26
_LABEL = 16


class Dot(NamedTuple):
    """An entry in its lane. ``number``: its place in the list under the picture."""

    x: int
    y: int
    number: int
    label: str
    kind: str


class Column(NamedTuple):
    """What one transaction wrote: a vertical line from ``top`` to ``bottom``, with the time since the entry before."""

    x: int
    top: int
    bottom: int
    label: str

    def reaching(self, y: int) -> "Column":
        """The column, long enough for a dot at ``y``."""
        return self._replace(top=min(self.top, y), bottom=max(self.bottom, y))


class Picture(NamedTuple):
    """A payment's timeline."""

    width: int
    height: int
    lanes: list[tuple[str, int]]
    columns: list[Column]
    dots: list[Dot]


def timeline(entries: Sequence[Entry]) -> Picture:
    """One column for each moment, one lane for each kind of record. Operators have a lane if one has acted."""
    acted = any(entry.source is Source.OPERATOR for entry in entries)
    lanes = {name: _TOP + _LANE * n + _LANE // 2 for n, name in enumerate(LANES if acted else LANES[1:])}
    columns: list[Column] = []
    dots: list[Dot] = []
    before: datetime | None = None
    taken: set[str] = set()
    for number, entry in enumerate(entries, 1):
        labels = _labels(entry)
        if entry.at != before or taken.intersection(labels):
            gap = f"+{_short((entry.at - before).total_seconds())}" if before and entry.at != before else ""
            columns.append(Column(_LEFT + _COLUMN * len(columns) + _COLUMN // 2, 10_000, 0, gap))
            before, taken = entry.at, set()
        taken.update(labels)
        for lane, label in labels.items():
            dots.append(Dot(columns[-1].x, lanes[lane], number, label, lane.lower()))
            columns[-1] = columns[-1].reaching(lanes[lane])
    width, height = _LEFT + _COLUMN * len(columns) + 8, _TOP + _LANE * len(lanes) + 4
    return Picture(width, height, list(lanes.items()), columns, dots)


def _labels(entry: Entry) -> dict[str, str]:
    """The lanes that an entry has a dot in, and the words under each: under one of Kafka, partition and offset."""
    found = {_LANE_OF[entry.source]: _label(entry)}
    if entry.partition is not None:
        return {**found, _KAFKA: f"{entry.partition} / {entry.offset}"}
    state = entry.in_kafka.replace("_", " ") if entry.in_kafka else "published"
    return {**found, _KAFKA: state} if entry.published else found


def _short(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else age(seconds)


def _label(entry: Entry) -> str:
    words = entry.what.removeprefix("payment.").removeprefix("payment_intent.").replace("_payment", "")
    text = f"{words} {entry.sequence}" if entry.sequence is not None else words
    return text if len(text) <= _LABEL else f"{text[: _LABEL - 1]}…"


def hours(text: Any) -> int:
    """The span that the lag's line shows: 1, 6 or 24 hours."""
    return int(text) if text in {"1", "6", "24"} else 1
