"""The page that an operator opens first: health, work that is left, the relay's lag, and money that is owed."""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from service.api.ops_page import pictures
from service.api.ports import Unready
from service.storage.operator_overview import Overview
from service.usecases.operations.desk import Desk

SLOW_SECONDS = 30.0
"""Age of waiting work at which a part counts as held up."""


class Part(NamedTuple):
    """The health of one part. ``state``: ``good``, ``poor`` or ``bad``."""

    name: str
    state: str
    words: str


def install(routes: Blueprint, desk: Desk, unready: Callable[[], Unready | None]) -> None:
    """The route of ``/ops``."""

    @routes.get("")
    def overview() -> str:
        hours = pictures.hours(request.args.get("hours"))
        found, samples = desk.overview(timedelta(hours=hours))
        fault = unready()
        begin = found.relay.clock - timedelta(hours=hours)
        return render_template(
            "overview.html",
            found=found,
            parts=_parts(found, fault),
            line=pictures.line(samples, begin, found.relay.clock),
            hours=hours,
            owed=desk.owed(),
            width=pictures.LINE_WIDTH,
            height=pictures.LINE_HEIGHT,
        )

    @routes.get("/")
    def index() -> Response:
        return redirect(url_for("ops_page.overview"), 301)


def _parts(found: Overview, fault: Unready | None) -> list[Part]:
    database = Part("Database", "bad", fault.message) if fault else Part("Database", "good", "answers, schema fits")
    return [database, _consumer(found), _relay(found), _stripe(found)]


def _consumer(found: Overview) -> Part:
    open_, leased, overdue = (sum(row[name] for row in found.open) for name in ("rows", "leased", "overdue"))
    if overdue:
        return Part("Consumer", "bad", f"nobody works on commands that are due for over 30 s: {overdue}")
    return Part("Consumer", "good", f"{leased} of {open_} unanswered commands under way, none overdue")


def _relay(found: Overview) -> Part:
    relays, leading = found.relay.sessions["relays"], found.relay.sessions["leading"]
    oldest = min((row["oldest_at"] for row in found.relay.relays if row["oldest_at"]), default=None)
    waits = (found.relay.clock - oldest).total_seconds() if oldest else 0.0
    rows = sum(row["rows"] for row in found.relay.relays)
    doubts = [row["doubt"] for row in found.relay.relays if row["doubt"]]
    if not leading:
        return Part("Relay", "bad", f"no relay leads, {relays} connected; messages that wait: {rows}")
    if doubts:
        return Part("Relay", "bad", f"it doubts its position: {doubts[0]}")
    if waits > SLOW_SECONDS:
        return Part("Relay", "bad", f"held up, by Kafka or a fault; messages that wait: {rows}")
    return Part("Relay", "good", f"one leads, {relays - 1} stand by; messages that wait: {rows}")


def _stripe(found: Overview) -> Part:
    after_fault = sum(row["after_fault"] for row in found.open)
    answers = found.answers
    share = f"{answers['after_fault']} of the last {answers['answers']} answers met a fault first"
    if after_fault:
        return Part("Stripe", "bad", f"commands that wait after a fault: {after_fault}; {share}")
    state = "poor" if answers["answers"] and answers["after_fault"] / answers["answers"] > 0.05 else "good"
    return Part("Stripe", state, f"no command waits after a fault; {share}")
