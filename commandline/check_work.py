"""``doctor``: is everybody at work? The outbox and its relay, commands that are due, dead letters."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from commandline.checks import Finding
from commandline.failures import CannotError, database_faults
from runtime.plurals import number_of, plural

if TYPE_CHECKING:
    from relay.doubts import State
    from relay.settings import RelaySettings
    from service.storage.operator_session import Record
    from service.storage.operator_work import UnfinishedWork

_PATIENCE = timedelta(minutes=2)
"""Relay and consumer take up what is due within seconds."""


def check_work(settings: "RelaySettings") -> Iterator[Finding]:
    """Positions only rise, a relay publishes, nobody holds a gap, due commands are taken up, no dead letter is open."""
    import psycopg2

    try:
        with database_faults():
            state, led = _relay_side(settings)
            left = _unfinished_work(settings)
    except (CannotError, psycopg2.Error) as error:
        why = str(error).strip().partition("\n")[0]
        yield Finding("outbox", f"can't be looked at: {why}", "let the user of DATABASE_URL read it")
        return
    yield from _positions(state)
    yield _relay(settings.relay_name, state, left, led=led)
    yield from _gap(left)
    yield from _commands(left)


def _relay_side(settings: "RelaySettings") -> "tuple[State, bool]":
    """The outbox as the relay sees it, and whether one leads."""
    from relay.doubts import look
    from relay.leadership import IS_LED
    from relay.outbox_source import PostgresOutbox

    with closing(PostgresOutbox(settings.database_url.get_secret_value())) as source:
        state = look(source, settings.relay_name)
        return state, bool((source.ask(IS_LED, {"relay": settings.relay_name}) or (False,))[0])


def _unfinished_work(settings: "RelaySettings") -> "UnfinishedWork":
    from service.storage.engine import make_engine
    from service.storage.operator_session import reading
    from service.storage.operator_work import unfinished_work

    engine = make_engine(settings.database_url.get_secret_value(), pool_size=1)
    try:
        with reading(engine) as connection:
            return unfinished_work(connection, _PATIENCE)
    finally:
        engine.dispose()


def _positions(state: "State") -> Iterator[Finding]:
    fault = state.sequence_fault(0)
    if fault is not None:
        mend = (
            "GRANT USAGE, SELECT ON SEQUENCE outbox_position_seq to it"
            if state.drawn is None
            else "start cli.py relay: it puts the sequence right, and compares outbox and topics"
        )
        yield Finding("sequence", fault, mend)
    else:
        yield Finding("sequence", "positions only rise")
    if state.doubt is not None:
        yield Finding(
            "sequence", f"the relay doubts: {state.doubt}", "cli.py relay compares at its start", warning=True
        )


def _relay(name: str, state: "State", left: "UnfinishedWork", *, led: bool) -> Finding:
    """By the checkpoint, which follows Kafka by a moment."""
    found: Record | None = next((each for each in left.relays if each["relay"] == name), None)
    waiting = state.highest if found is None else int(found["waiting"])
    rows = number_of(waiting, "row waits", "rows wait")
    since: datetime | None = found["oldest_waiting_at"] if found is not None else None
    if led and since is not None and left.clock - since > _PATIENCE:
        detail = f"one works, and {rows}, the first since {since.isoformat(timespec='seconds')}"
        return Finding("relay", detail, "its /ready and its log say what it waits for")
    if led:
        return Finding("relay", f"one works, {rows}")
    detail = f"none called {name} works, and {rows if waiting else 'nothing waits'}"
    return Finding("relay", detail, "start cli.py relay", warning=not waiting)


def _gap(left: "UnfinishedWork") -> Iterator[Finding]:
    """The oldest transaction that may hold the lowest gap. One of the service's own is over within seconds."""
    from service.storage.operator_sessions import OLD_SECONDS
    from service.usecases.operations.holders import ending, named

    for oldest in left.gaps.writers[:1]:
        age = None if oldest["since"] is None else left.clock - oldest["since"]
        if age is None or age > timedelta(seconds=OLD_SECONDS):
            detail = f"position {left.gaps.positions[0]['position']} waits for {named(oldest, left.clock)}"
            mend = f"{ending(oldest)}; runbook: “A gap is held”"
            yield Finding("gap", detail, mend, warning=age is None or age <= _PATIENCE)


def _commands(left: "UnfinishedWork") -> Iterator[Finding]:
    if left.overdue and left.overdue_since is not None:
        since = left.overdue_since.isoformat(timespec="seconds")
        commands = number_of(left.overdue, "command is overdue", "commands are overdue")
        detail = f"{commands}, the first since {since}: nobody works on {plural(left.overdue, 'it', 'them')}"
        yield Finding("commands", detail, "start cli.py consume; where it runs, its /ready says what it waits for")
    else:
        yield Finding("commands", "none is overdue")
    if left.dead_letters:
        mend = "cli.py dead-letter list, then retry, resend or discard"
        yield Finding("dead letters", number_of(left.dead_letters, "is open", "are open"), mend, warning=True)
