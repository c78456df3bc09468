"""`expand[]`: put objects in the place of their ids ("Expanding responses")."""

from __future__ import annotations

from typing import Any

from devstack.stripe_simulator.errors import InvalidParameterError
from devstack.stripe_simulator.state import State
from devstack.stripe_simulator.wire import Json

_EXPANDABLE = {
    "charge": "charges",
    "customer": "customers",
    "destination": "accounts",
    "latest_charge": "charges",
    "payment_intent": "payment_intents",
    "payment_method": "payment_methods",
    "source_transaction": "charges",
    "transfer": "transfers",
}
_MAX_DEPTH = 4


def expand(state: State, body: Json, paths: list[str]) -> Json:
    """A copy of the body with the objects on these paths in it.

    Raises:
        InvalidParameterError: the property cannot be expanded.
    """
    for path in paths:
        segments = path.split(".")
        if len(segments) > _MAX_DEPTH:
            raise InvalidParameterError(f"You cannot expand more than {_MAX_DEPTH} levels of a property.")
        body = _expanded(state, body, segments, path)
    return body


def _expanded(state: State, node: Any, segments: list[str], path: str) -> Any:
    if not segments or node is None:
        return node
    if isinstance(node, list):
        return [_expanded(state, item, segments, path) for item in node]
    head, rest = segments[0], segments[1:]
    if not isinstance(node, dict) or head not in node:
        raise _cannot(path)
    child = node[head]
    if isinstance(child, str):
        if head not in _EXPANDABLE:
            raise _cannot(path)
        child = getattr(state, _EXPANDABLE[head]).get(child, child)
    return {**node, head: _expanded(state, child, rest, path)}


def _cannot(path: str) -> InvalidParameterError:
    return InvalidParameterError(f"This property cannot be expanded ({path}).", param="expand")
