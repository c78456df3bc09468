"""Crash points and scenarios are complete by construction: a missing one fails on import, or fails here."""

import ast
import importlib.util
from collections.abc import Iterator, Mapping
from enum import StrEnum
from inspect import getmembers, isfunction, signature
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from devstack.saga_client import CommandKey, Place, Record
from proofs.chaos.plan import Kind, Saga
from proofs.chaos.sagas import SAGAS
from proofs.chaos.talk import Talk
from service.domain import next_step
from service.domain.commands.command import CommandType
from service.domain.next_step import Step
from service.domain.ports import PaymentGateway
from tests.crash.points import ALL
from tests.crash.scenarios import SCENARIOS

ROOT = Path(__file__).resolve().parents[2]

WITHOUT_POINTS = {
    ("claim.py", "next_of"): "the call it commits has a point right behind it: BEFORE_CALL",
    ("claim.py", "one"): "the same",
    ("due_commands.py", "_postpone"): "moves a due time only",
    ("due_commands.py", "take"): "moves a due time only; whoever was handed the work dies at its points",
    ("due_looks.py", "look"): "what it settles is looked at again; its examination has points",
    ("due_looks.py", "take"): "moves a due time only",
    ("accept.py", "refuse"): "a record's only transaction; the point behind it is CONSUMER_BEFORE_OFFSET_COMMIT",
    ("accept.py", "dead_letter"): "the same",
    ("accept.py", "_duplicate"): "the same",
    ("lease_keeper.py", "_renewed"): "extends leases only",
    ("reconcile.py", "stale"): "moves the time of the last look only",
}
"""Functions that open a transaction without a crash point around it → the reason.

An operator's act (``operations/``) is one transaction, or one page at a time in front of a person.
"""


class SilentTalk(Talk):
    """Notes the commands of a saga, and answers each as the saga expects."""

    def __init__(self, saga: Saga) -> None:
        self.saga = saga
        self.asked: set[str] = set()

    def _ask(self, kind: str, correlation_id: str, payload: dict[str, Any]) -> CommandKey:
        self.asked.add(kind)
        return kind, correlation_id

    def hear(self, asked: CommandKey, expected: str) -> Record:
        return _RECORD

    def unreadable(self) -> Place:
        return 0, 0

    def hear_dead_letter(self, place: Place) -> Record:
        return _RECORD

    def awaited_customer(self) -> dict[str, Any]:
        return {"payment_id": "payment", "stripe_payment_intent_id": "pi"}

    def finish_challenge(self, payment: Mapping[str, Any], *, succeeded: bool) -> None:
        """No request is sent."""

    @property
    def stripe(self) -> Any:
        return MagicMock()

    def intent(self, payment_id: str) -> str:
        return "pi"

    def charge(self, payment_id: str) -> str:
        return "ch"

    def hear_news(self, payment_id: str, expected: str) -> None:
        """The news event is assumed to arrive."""

    def must_be(self, found: object, wanted: object) -> None:
        """The payment is assumed to have this status."""

    def as_stranger(self, path: str, fields: dict[str, str]) -> None:
        """No request is sent."""


_PAYLOAD = b'{"payload": {"payment_id": "payment", "transfer_amount": 1, "refund_id": "re"}}'
_RECORD = Record("events", 0, 0, "payment", _PAYLOAD, {})


def _use_cases() -> Iterator[tuple[str, ast.FunctionDef]]:
    for path in (ROOT / "service" / "usecases").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                yield path.name, node


def _called(function: ast.FunctionDef) -> set[str]:
    called = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
    return {
        name.id if isinstance(name, ast.Name) else name.attr
        for name in called
        if isinstance(name, ast.Name | ast.Attribute)
    }


def test_every_crash_point_has_a_scenario() -> None:
    assert set(SCENARIOS) == set(ALL)


def test_a_step_without_points_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    make: Any = StrEnum
    monkeypatch.setattr(
        next_step, "Step", make("Step", [*((step.name, step.value) for step in Step), ("PAY_OUT", "pay_out")])
    )
    spec = importlib.util.find_spec("service.usecases.run_command")
    assert spec is not None
    assert spec.loader is not None
    with pytest.raises(ValueError, match=r"pay_out\.before_call"):
        spec.loader.exec_module(importlib.util.module_from_spec(spec))  # beside the module that others have imported


def test_every_command_is_part_of_a_saga() -> None:
    asked: set[str] = set()
    for kind in Kind:
        talk = SilentTalk(Saga(1, kind, 1500, over_http=False, copies=(1, 1, 1, 1)))
        SAGAS[kind](talk)
        asked |= talk.asked
    assert asked == set(CommandType) - {CommandType.CANCEL_HOLD}


def test_effects_at_stripe_are_made_by_steps_only() -> None:
    effects = {name for name, method in getmembers(PaymentGateway, isfunction) if "key" in signature(method).parameters}
    assert effects == {"create_intent", "capture", "cancel", "transfer", "reverse_transfer", "refund"}
    callers = {(name, effect) for name, function in _use_cases() for effect in _called(function) & effects}
    assert callers == {("call.py", effect) for effect in effects}


def test_every_transaction_of_a_use_case_has_points_or_a_reason_why_not() -> None:
    found = {(name, function.name): _called(function) for name, function in _use_cases()}
    opening = {place for place, called in found.items() if called & {"transaction", "in_transaction"}}
    named = {place for place in opening if found[place] & {"reached", "reached_in"}}
    assert named == {
        ("accept.py", "_accept_once"),
        ("reconcile.py", "examine"),
        ("queue_command.py", "_queue"),
        ("run_command.py", "_step"),
        ("stripe_events.py", "_recorded_and_applied"),
    }
    assert opening - named == set(WITHOUT_POINTS)
