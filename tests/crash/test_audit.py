"""The audit of the chaos run finds each kind of damage, and finds nothing without damage."""

from dataclasses import replace
from typing import Any

import pytest

from devstack.saga_client import Record
from devstack.stripe_simulator.ledger import Effect, LedgerEntry
from proofs.chaos.audit import Findings, audit
from proofs.chaos.evidence import UNPUBLISHABLE, Asked, Evidence

PAYMENT = "9f3ad3cb-6a1c-4c3e-9a0a-5c8e1a1f0001"


def _effect(kind: str, intent: str = "pi_1", amount: int = 1500) -> LedgerEntry:
    metadata = {"payment_id": PAYMENT, "order_id": "order-1"}
    return LedgerEntry(Effect(kind), f"{kind}_1", amount, "sgd", intent, f"ch_{intent}", None, metadata, "api", None, 0)


def _event(sequence: int, command_type: str, correlation_id: str, offset: int) -> Record:
    headers = {"ce_id": f"event-{sequence}", "sequence": str(sequence), "command_type": command_type}
    value = f'{{"type": "x", "correlation_id": "{correlation_id}", "payload": {{}}}}'
    return Record("events", 1, offset, PAYMENT, value.encode(), headers)


def _row(sequence: int) -> dict[str, Any]:
    return {"position": sequence, "event_id": f"event-{sequence}", "type": "x", "key": PAYMENT}


def _command(kind: str, correlation_id: str) -> dict[str, Any]:
    done = {"state": "done", "recovery_point": "answered", "last_error": None, "lease_token": None}
    return {"command_type": kind, "correlation_id": correlation_id, **done}


def _transition(before: str, after: str) -> dict[str, Any]:
    return {"payment_id": PAYMENT, "from_status": before, "to_status": after}


HELD, RELEASED = _event(1, "authorize_payment", "a", 10), _event(2, "release_payment", "r", 12)
NEWS = Record("events", 1, 14, PAYMENT, b"{}", {"ce_id": "event-3", "sequence": "3"})
PAID = Evidence(
    payments=[
        {"payment_id": PAYMENT, "status": "SUCCEEDED", "stripe_transfer_id": "tr_1", "stripe_reversal_id": None}
        | {"stripe_payment_intent_id": "pi_1", "held": 0, "captured": 1500, "refunded": 0, "disputed": 0}
        | {"transferred": 1500, "reversed": 0}
    ],
    commands=[_command("authorize_payment", "a"), _command("release_payment", "r")],
    transitions=[_transition("INITIATING", "AUTHORIZED"), _transition("AUTHORIZED", "SUCCEEDED")],
    outbox=[_row(1), _row(2)],
    effects=[_effect("hold"), _effect("capture"), _effect("transfer")],
    records=[HELD, RELEASED],
)


def test_audit_finds_nothing_without_damage() -> None:
    assert audit(PAID) == Findings([], [], [], [], [])


def _sequence(record: Record, number: int) -> Record:
    return replace(record, headers={**record.headers, "sequence": str(number)})


DAMAGE: list[tuple[str, Evidence, set[str]]] = [
    ("an event not published", replace(PAID, records=[HELD]), {"losses"}),
    ("news not published", replace(PAID, outbox=[*PAID.outbox, _row(3)]), {"losses"}),
    ("an event from nowhere", replace(PAID, outbox=[_row(1)]), {"losses"}),
    ("a command without an outcome", replace(PAID, commands=[*PAID.commands, _command("x", "y")]), {"losses"}),
    ("an event published twice", replace(PAID, records=[HELD, RELEASED, replace(RELEASED, offset=13)]), {"doubles"}),
    (
        "news published twice",
        replace(PAID, outbox=[*PAID.outbox, _row(3)], records=[HELD, RELEASED, NEWS, replace(NEWS, offset=15)]),
        {"doubles"},
    ),
    ("two events in the wrong order", replace(PAID, records=[HELD, replace(RELEASED, offset=9)]), {"order_breaks"}),
    ("one payment in two partitions", replace(PAID, records=[HELD, replace(RELEASED, partition=2)]), {"order_breaks"}),
    ("a gap in the sequence", replace(PAID, records=[HELD, _sequence(RELEASED, 3)]), {"order_breaks"}),
    ("two holds", replace(PAID, effects=[*PAID.effects, _effect("hold")]), {"double_effects"}),
    (
        "a transfer from two intents",
        replace(PAID, effects=[*PAID.effects, _effect("transfer", "pi_2")]),
        {"double_effects"},
    ),
    ("money of nobody", replace(PAID, payments=[], transitions=[]), {"wrong_ends"}),
    ("a captured payment not transferred", replace(PAID, effects=PAID.effects[:2]), {"wrong_ends", "wrong_sums"}),
    ("a cent refunded unknown", replace(PAID, effects=[*PAID.effects, _effect("refund", amount=1)]), {"wrong_sums"}),
    ("a transition that is not allowed", replace(PAID, transitions=PAID.transitions[1:]), {"wrong_ends"}),
    ("a status without its transition", replace(PAID, transitions=PAID.transitions[:1]), {"wrong_ends"}),
    (
        "a stranger's row that is gone",
        replace(PAID, written=["event-1", "event-9"]),
        {"losses"},
    ),
    (
        "a good row that was refused",
        replace(PAID, refused=[_row(7)], written=["event-7"]),
        {"losses"},
    ),
    (
        "a command that nobody read",
        replace(PAID, asked=[Asked(("authorize_payment", "a"), ((0, 1),)), Asked(("x", "unread"), ((0, 2),))]),
        {"losses"},
    ),
    (
        "a row that waited for another topic",
        replace(PAID, held_up=["event-2 waits"]),
        {"wrong_ends"},
    ),
    (
        "a lease left behind",
        replace(PAID, commands=[{**_command("authorize_payment", "a"), "lease_token": "t"}]),
        {"wrong_ends"},
    ),
]


@pytest.mark.parametrize(("what", "evidence", "kinds"), DAMAGE, ids=[what for what, _, _ in DAMAGE])
def test_audit_finds_each_kind_of_damage(what: str, evidence: Evidence, kinds: set[str]) -> None:
    findings = audit(evidence)
    assert {name for name in Findings.__annotations__ if getattr(findings, name)} == kinds
    assert not findings.clean


def test_audit_finds_a_command_answered_twice() -> None:
    again = _event(3, "release_payment", "r", 14)
    findings = audit(replace(PAID, records=[HELD, RELEASED, again], outbox=[_row(1), _row(2), _row(3)]))
    assert findings.doubles == ["answered ('release_payment', 'r'): 2 times"]


def test_unpublishable_row_must_be_a_dead_letter() -> None:
    refused = {**_row(7), "type": UNPUBLISHABLE}
    assert audit(replace(PAID, refused=[refused], written=["event-7"])).clean


def test_a_dead_letter_is_an_answer_when_every_copy_has_one() -> None:
    letter = Record("commands.dead_letter", 0, 1, None, b'{"partition": 0, "offset": 2}', {"ce_id": "event-3"})
    with_letter = replace(PAID, outbox=[*PAID.outbox, _row(3)], records=[HELD, RELEASED, letter])
    once, twice = Asked(("x", "y"), ((0, 2),)), Asked(("x", "y"), ((0, 2), (0, 5)))
    assert audit(replace(with_letter, asked=[once])).clean
    assert not audit(replace(with_letter, asked=[twice])).clean
