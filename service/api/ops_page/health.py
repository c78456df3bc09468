"""The health of each part, in words, and where an operator goes on: a view of the page, and the runbook's entry."""

from typing import NamedTuple

from runtime.durations import age
from runtime.plurals import number_of
from service.api.ops_page.words import counted
from service.api.ports import Unready
from service.storage.operator_overview import Overview
from service.usecases.operations.holders import named

SLOW_SECONDS = 30.0
"""Age of waiting work at which a part counts as held up."""

KEY_REFUSED = "Stripe refused our API key"
"""How the gateway begins such a fault (service.gateway.faults)."""


class Step(NamedTuple):
    """What to do next. ``entry``: of the runbook. ``view``: an endpoint with more; ``label``: the words of its link."""

    entry: str
    words: str = ""
    view: str = ""
    label: str = ""


class Part(NamedTuple):
    """The health of one part. ``state``: ``good``, ``poor`` or ``bad``."""

    name: str
    state: str
    words: str
    step: Step | None = None


COMMANDS = ("commands", "The commands that wait")
RELAY = ("relay", "The relay's messages and gaps")

NO_CONSUMER = Step("No consumer has joined", "Start cli.py consume.")
NO_RELAY = Step("No relay is active", "Start cli.py relay, or read the /ready of one that runs.", *RELAY)
AWAY = Step("Kafka is away", "The /ready of relay and consumer names what they wait for.", *RELAY)
BEHIND = Step("Relay is behind", "", *RELAY)
GAP = Step("A gap is held", "End the session, if nobody needs it.", *RELAY)
DOUBT = Step("The relay doubts its memory", "", *RELAY)
LOCKED = Step("A payment's row is locked", "Commands may wait for them: the list is below.")
NO_DATABASE = Step("The database is away")
OVERDUE = Step("Commands are overdue", "", *COMMANDS)
STRIPE = Step("Stripe does not answer", "Commands are tried again until it answers.", *COMMANDS)
REFUSED = Step("Stripe refuses the key", "Replace the secret; no restart is needed.", *COMMANDS)
STEPS = (NO_CONSUMER, NO_RELAY, AWAY, BEHIND, GAP, DOUBT, LOCKED, NO_DATABASE, OVERDUE, STRIPE, REFUSED)


def parts(found: Overview, fault: Unready | None) -> list[Part]:
    """Database, consumer, relay and Stripe."""
    return [_database(found, fault), _consumer(found), _relay(found), _stripe(found)]


def _database(found: Overview, fault: Unready | None) -> Part:
    if fault:
        return Part("Database", "bad", fault.message, NO_DATABASE)
    if found.transactions:
        holder = named(found.transactions[0], found.relay.clock)
        return Part("Database", "poor", f"answers; transactions left open: {len(found.transactions)}, {holder}", LOCKED)
    return Part("Database", "good", "answers, schema fits")


def _consumer(found: Overview) -> Part:
    open_, leased, overdue = (sum(row[name] for row in found.open) for name in ("rows", "leased", "overdue"))
    if not found.consumers:
        words = f"none is connected to the database, and nobody reads commands; {open_} accepted and unanswered"
        return Part("Consumer", "bad", words, NO_CONSUMER)
    if overdue:
        return Part("Consumer", "bad", f"nobody works on commands that are due for over 30 s: {overdue}", OVERDUE)
    words = f"{leased} of {open_} unanswered commands under way, none overdue"
    if _silent(found):
        return Part("Consumer", "poor", f"{words}; but commands in Kafka may not reach it", AWAY)
    if found.unread:
        commands = number_of(found.unread, "command")
        unread = f"published for over 30 s, and not accepted by a consumer: {commands}"
        return Part("Consumer", "bad", unread, OVERDUE)
    return Part("Consumer", "good", words)


def _relay(found: Overview) -> Part:
    relays, leading = found.relay.sessions["relays"], found.relay.sessions["leading"]
    rows = counted(sum(row["rows"] for row in found.relay.relays))
    doubts = [row["doubt"] for row in found.relay.relays if row["doubt"]]
    if not leading:
        return Part("Relay", "bad", f"no relay leads, {relays} connected; messages that wait: {rows}", NO_RELAY)
    if doubts:
        return Part("Relay", "bad", f"it doubts its position: {doubts[0]}", DOUBT)
    silent = _silent(found)
    if silent:
        words = f"one leads, and Kafka has taken nothing from it for {age(silent)}; messages that wait: {rows}"
        return Part("Relay", "bad", words, AWAY)
    if _waits(found) > SLOW_SECONDS:
        return Part("Relay", "bad", f"it publishes, and is behind; messages that wait: {rows}", BEHIND)
    old = [row for row in found.relay.writers if row in found.transactions]
    if old and any(row["gaps"] for row in found.relay.relays):
        return Part("Relay", "poor", f"publishes, and a gap is held by {named(old[0], found.relay.clock)}", GAP)
    others = number_of(relays - 1, "stands by", "stand by")
    return Part("Relay", "good", f"one leads, {others}; messages that wait: {rows}")


def _stripe(found: Overview) -> Part:
    after_fault = sum(row["after_fault"] for row in found.open)
    answers = found.answers
    share = f"{answers['after_fault']} of the last {number_of(answers['answers'], 'answer')} met a fault first"
    if after_fault:
        refused = any(row["fault"].startswith(KEY_REFUSED) for row in found.faults)
        words = f"commands that wait after a fault: {after_fault}; {share}"
        return Part("Stripe", "bad", words, REFUSED if refused else STRIPE)
    state = "poor" if answers["answers"] and answers["after_fault"] / answers["answers"] > 0.05 else "good"
    return Part("Stripe", state, f"no command waits after a fault; {share}")


def _waits(found: Overview) -> float:
    """For how long the oldest message waits, in seconds."""
    oldest = min((row["oldest_at"] for row in found.relay.relays if row["oldest_at"]), default=None)
    return (found.relay.clock - oldest).total_seconds() if oldest else 0.0


def _silent(found: Overview) -> float:
    """For how long a relay that leads has published nothing although messages wait, in seconds; 0 below the limit."""
    written = max((row["updated_at"] for row in found.relay.relays), default=found.relay.clock)
    silent = min((found.relay.clock - written).total_seconds(), _waits(found))
    return silent if silent > SLOW_SECONDS and found.relay.sessions["leading"] else 0.0
