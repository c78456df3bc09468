"""Finds violations from outside: in Stripe's ledger, in the topics as a careful reader sees them, in the database."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from devstack.saga_client import Record
from devstack.stripe_simulator.ledger import LedgerEntry
from proofs.chaos.evidence import UNPUBLISHABLE, Evidence, identity
from proofs.money_books import by_payment, differing, done_twice, misplaced
from service.domain.payment import PaymentStatus, may_become


@dataclass(frozen=True)
class Findings:
    """The violations found. Each list must be empty; each entry names a violation and its place."""

    losses: list[str]
    """Outbox rows without a record, records without an outbox row, commands without an outcome event."""
    doubles: list[str]
    """Records published twice, commands answered twice."""
    order_breaks: list[str]
    """Payments whose events are not 1, 2, 3 … in one partition."""
    double_effects: list[str]
    """Effects that happened twice at Stripe."""
    wrong_ends: list[str]
    """Money in another place than the payment's status says, forbidden transitions, unfinished or delayed work."""
    wrong_sums: list[str] = field(default_factory=list)
    """Payments whose sums differ from the amounts that Stripe held, captured, refunded and transferred."""
    unreported: list[str] = field(default_factory=list)
    """Outages that /ready did not report, and processes that were not ready again afterwards."""
    unproven: list[str] = field(default_factory=list)
    """The findings of ``outbox audit`` and ``payment audit``."""

    @property
    def clean(self) -> bool:
        """Whether there is no violation."""
        return not any(getattr(self, one.name) for one in fields(self))

    def __str__(self) -> str:
        named = {one.name: getattr(self, one.name) for one in fields(self)}
        return "\n".join(f"{name}: {found}" for name, found in named.items() if found) or "nothing went wrong"


def repeated(evidence: Evidence) -> list[str]:
    """The ids of records published more than once."""
    return [event_id for event_id, times in Counter(map(identity, evidence.records)).items() if times > 1]


def audit(evidence: Evidence, *, may_repeat: bool = False) -> Findings:
    """Compare the evidence with the invariants. ``may_repeat``: a record may come again, under its id."""
    doubles = [*_published_twice(evidence), *_answered_twice(evidence)]
    if may_repeat:
        doubles = list(_answered_twice(evidence.once))
    return Findings(
        losses=[
            *_not_published(evidence),
            *_from_nowhere(evidence),
            *_unanswered(evidence),
            *_forgotten(evidence),
            *_refused_wrongly(evidence),
            *_unheard(evidence),
        ],
        doubles=doubles,
        order_breaks=list(_out_of_order(evidence.records)),
        double_effects=list(done_twice(evidence.effects)),
        wrong_ends=[*_misplaced(evidence), *_illegal(evidence), *_open(evidence), *evidence.held_up],
        wrong_sums=list(_differing(evidence)),
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
        first = list(dict.fromkeys(sequence))  # repeated records count as doubles
        if first != list(range(1, len(first) + 1)):
            yield f"{key}: {sequence}"


def _misplaced(evidence: Evidence) -> Iterator[str]:
    effects = by_payment(evidence.effects)
    for payment in evidence.payments:
        found = misplaced(payment, effects.pop(str(payment["payment_id"]), []))
        if found is not None:
            yield found
    for unknown, done in effects.items():
        yield f"money of a payment we do not have: {unknown} {[effect.effect for effect in done]}"


def _differing(evidence: Evidence) -> Iterator[str]:
    of_intent: dict[str | None, list[LedgerEntry]] = defaultdict(list)
    for effect in evidence.effects:
        of_intent[effect.payment_intent].append(effect)
    for payment in evidence.payments:
        mine = of_intent[payment["stripe_payment_intent_id"]] if payment["stripe_payment_intent_id"] else []
        found = differing(payment, [*mine, *of_intent[None]])
        if found is not None:
            yield found


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
