"""`expand[]`: put objects in the place of their ids ("Expanding responses")."""

from __future__ import annotations

from typing import Any

from devstack.stripe_simulator.errors import InvalidParameterError
from devstack.stripe_simulator.state import State
from devstack.stripe_simulator.wire import Json

_MAX_DEPTH = 4
_FIELDS: dict[str, dict[str, str]] = {
    "payment_intents": {
        "customer": "customers",
        "latest_charge": "charges",
        "payment_method": "payment_methods",
    },
    "charges": {
        "balance_transaction": "balance_transactions",
        "customer": "customers",
        "payment_intent": "payment_intents",
    },
    "refunds": {
        "balance_transaction": "balance_transactions",
        "charge": "charges",
        "payment_intent": "payment_intents",
    },
    "transfers": {
        "balance_transaction": "balance_transactions",
        "destination": "accounts",
        "source_transaction": "charges",
    },
    "transfers.reversals": {"balance_transaction": "balance_transactions", "transfer": "transfers"},
    "disputes": {"charge": "charges", "payment_intent": "payment_intents"},
    "radar.early_fraud_warnings": {"charge": "charges", "payment_intent": "payment_intents"},
}
"""For each kind of object its expandable fields, and the kind of what they name."""


def check_paths(operation: str, paths: list[str]) -> None:
    """Whether an operation's answer can be expanded so. Asked before the endpoint runs.

    Raises:
        InvalidParameterError: a property cannot be expanded.
    """
    kind, _, verb = operation.rpartition(".")
    for path in paths:
        segments = path.split(".")
        if len(segments) > _MAX_DEPTH:
            text = f"You cannot expand more than {_MAX_DEPTH} levels of a property."
            raise InvalidParameterError(text, param="expand")
        if verb in {"list", "search"} and segments[0] == "data":
            segments = segments[1:]
        _follow(kind, segments, path)


def _follow(kind: str, segments: list[str], path: str) -> None:
    for segment in segments:
        if segment not in _FIELDS.get(kind, {}):
            raise InvalidParameterError(f"This property cannot be expanded ({path}).", param="expand")
        kind = _FIELDS[kind][segment]


def expand(state: State, body: Json, paths: list[str]) -> Json:
    """A copy of the body with the objects on these paths, checked before, in it."""
    for path in paths:
        body = _expanded(state, body, path.split("."))
    return body


def _expanded(state: State, node: Any, segments: list[str]) -> Any:
    if not segments or node is None:
        return node
    if isinstance(node, list):
        return [_expanded(state, item, segments) for item in node]
    head, rest = segments[0], segments[1:]
    child = node[head]
    if isinstance(child, str):
        child = getattr(state, _STORES[head]).get(child, child)
    return {**node, head: _expanded(state, child, rest)}


_STORES = {field: store for fields in _FIELDS.values() for field, store in fields.items()}
