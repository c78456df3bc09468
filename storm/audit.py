"""What went wrong, told from outside: from Stripe's ledger, the topics as a careful reader sees them, the database."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from devstack.stripe_simulator.client import Effect
from service.domain.status import PaymentStatus, may_become
from storm.evidence import UNPUBLISHABLE, Evidence, Row, identity
from tests.support.acceptance_kafka import Record


@dataclass(frozen=True)
class Findings:
    """Each list must be empty; each entry says what and where."""

    losses: list[str]
    """Outbox rows that no topic holds, records that no outbox row stands behind, commands without an outcome."""
    doubles: list[str]
    """Records that came twice, commands that were answered twice."""
    order_breaks: list[str]
    """One payment's events that are not 1, 2, 3 … in one partition."""
    double_effects: list[str]
    """What was done twice at Stripe."""
    wrong_ends: list[str]
    """Money that is not where the payment says, transitions that are not allowed, work left open or held up."""
    untold: list[str] = field(default_factory=list)
    """Outages that /ready did not tell, and processes that were not ready again after one."""
    unproven: list[str] = field(default_factory=list)
    """What ``outbox audit`` says is wrong."""

    @property
    def clean(self) -> bool:
        """Whether nothing went wrong."""
        return not any(getattr(self, one.name) for one in fields(self))

    def __str__(self) -> str:
        named = {one.name: getattr(self, one.name) for one in fields(self)}
        return "\n".join(f"{name}: {found}" for name, found in named.items() if found) or "nothing went wrong"


def audit(evidence: Evidence) -> Findings:
    """Hold the evidence against the invariants."""
    return Findings(
        losses=[
            *_not_published(evidence),
            *_from_nowhere(evidence),
            *_unanswered(evidence),
            *_forgotten(evidence),
            *_refused_wrongly(evidence),
            *_unheard(evidence),
        ],
        doubles=[*_published_twice(evidence), *_answered_twice(evidence)],
        order_breaks=list(_out_of_order(evidence.records)),
        double_effects=list(_done_twice(evidence.effects)),
        wrong_ends=[*_misplaced(evidence), *_illegal(evidence), *_open(evidence), *evidence.held_up],
    )


def _more_than_once(found: Iterable[Any]) -> Iterator[str]:
    return (f"{what}: {times} times" for what, times in Counter(found).items() if times > 1)


def _not_published(evidence: Evidence) -> Iterator[str]:
    published = {identity(record) for record in evidence.records}
    for row in evidence.outbox:
        if str(row["event_id"]) not in published:
            yield f"not published: position {row['position']}, {row['type']} of {row['key']}"


def _from_nowhere(evidence: Evidence) -> Iterator[str]:
    written = {str(row["event_id"]) for row in evidence.outbox}
    for record in evidence.records:
        if identity(record) not in written:
            yield f"published, but in no outbox: {identity(record)} of {record.key}"


def _unanswered(evidence: Evidence) -> Iterator[str]:
    answered = set(evidence.answers)
    for row in evidence.commands:
        key = (row["command_type"], row["correlation_id"])
        if row["command_type"] != "cancel_hold" and key not in answered:
            yield f"not answered: {key}, {row['state']} at {row['recovery_point']}, {row['last_error']}"


def _forgotten(evidence: Evidence) -> Iterator[str]:
    kept = {str(row["event_id"]) for row in (*evidence.outbox, *evidence.refused)}
    return (
        f"taken by the database, and in no outbox: {event_id}" for event_id in evidence.written if event_id not in kept
    )


def _refused_wrongly(evidence: Evidence) -> Iterator[str]:
    for row in evidence.refused:
        if row["type"] != UNPUBLISHABLE:
            yield f"refused without a reason: position {row['position']}, {row['type']} of {row['key']}"


def _unheard(evidence: Evidence) -> Iterator[str]:
    for asked in evidence.unheard:
        yield f"neither answered nor a dead letter: {asked.answers}, sent {len(asked.places)} times"


def _published_twice(evidence: Evidence) -> Iterator[str]:
    return _more_than_once(f"published {identity(record)}" for record in evidence.records)


def _answered_twice(evidence: Evidence) -> Iterator[str]:
    return _more_than_once(f"answered {answers}" for answers in evidence.answers)


def _out_of_order(records: list[Record]) -> Iterator[str]:
    by_key: dict[tuple[str, str | None], list[Record]] = defaultdict(list)
    for record in records:
        if "sequence" in record.headers:
            by_key[record.topic, record.key].append(record)
    for (_, key), events in by_key.items():
        if len({event.partition for event in events}) > 1:
            yield f"{key} is in more than one partition"
        sequence = [int(event.headers["sequence"]) for event in sorted(events, key=lambda event: event.offset)]
        first = list(dict.fromkeys(sequence))  # what came twice is counted as that
        if first != list(range(1, len(first) + 1)):
            yield f"{key}: {sequence}"


def _done_twice(effects: list[Effect]) -> Iterator[str]:
    """Each thing that we do, once a payment; a second hold counts, though it is let go as soon as we hear of it."""
    ours = [effect for effect in effects if effect.by != "dashboard"]
    return _more_than_once(f"{effect.effect} for payment {_payment(effect)}" for effect in ours)


def _payment(effect: Effect) -> str | None:
    return effect.metadata.get("payment_id")


def _misplaced(evidence: Evidence) -> Iterator[str]:
    by_payment: dict[str | None, Counter[str]] = defaultdict(Counter)
    for effect in evidence.effects:
        by_payment[_payment(effect)][effect.effect] += 1
    for payment in evidence.payments:
        done = by_payment[str(payment["payment_id"])]
        rule = _MONEY.get(payment["status"])
        if rule is not None and not rule(payment, done):
            yield f"{payment['status']} {payment['payment_id']}, but at Stripe {dict(done)}"
    known = {str(payment["payment_id"]) for payment in evidence.payments}
    for unknown in by_payment.keys() - known:
        yield f"money of a payment we do not have: {unknown} {dict(by_payment[unknown])}"


def _nothing_left(_payment: Row, done: Counter[str]) -> bool:
    return _held(done) <= 0 and _kept(done) == 0 and _sent(done) == 0


def _held_or_kept(_payment: Row, done: Counter[str]) -> bool:
    return _held(done) + _kept(done) == 1 and _sent(done) == 0


def _kept_and_sent(payment: Row, done: Counter[str]) -> bool:
    sent = payment["stripe_transfer_id"] is not None and payment["stripe_reversal_id"] is None
    return _held(done) <= 0 and _kept(done) == 1 and _sent(done) == int(sent)


def _held(done: Counter[str]) -> int:
    return done["hold"] - done["capture"] - done["cancel"]


def _kept(done: Counter[str]) -> int:
    return done["capture"] - done["refund"]


def _sent(done: Counter[str]) -> int:
    return done["transfer"] - done["reversal"]


_MONEY: dict[str, Callable[[Row, Counter[str]], bool]] = {
    "FAILED": _nothing_left,
    "REVERTED": _nothing_left,
    "AUTHORIZED": _held_or_kept,
    "SUCCEEDED": _kept_and_sent,
}


def _illegal(evidence: Evidence) -> Iterator[str]:
    at: dict[Any, str] = defaultdict(lambda: "INITIATING")
    for row in evidence.transitions:
        known = at[row["payment_id"]]
        if row["from_status"] != known or not may_become(PaymentStatus(known), PaymentStatus(row["to_status"])):
            yield f"{row['payment_id']}: {known}, then {row['from_status']} → {row['to_status']}"
        at[row["payment_id"]] = row["to_status"]
    for payment in evidence.payments:
        last = at[payment["payment_id"]]
        if last != payment["status"]:
            yield f"{payment['payment_id']}: {payment['status']}, but its transitions end in {last}"


def _open(evidence: Evidence) -> Iterator[str]:
    for row in evidence.commands:
        if row["state"] == "pending" or row["lease_token"] is not None:
            yield f"open: {row['command_type']} {row['correlation_id']}, {row['recovery_point']}, {row['last_error']}"
