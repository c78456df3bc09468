"""`expand[]`: replaces ids by their objects ("Expanding responses")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from devstack.stripe_simulator.balance_transactions import current
from devstack.stripe_simulator.errors import InvalidParameterError
from devstack.stripe_simulator.state import State
from devstack.stripe_simulator.wire import Json

_MAX_DEPTH = 4
_IN_ONE = 10
"""Number of rows of a list inside another object."""
_FIELDS: dict[str, dict[str, str]] = {
    "payment_intents": {
        "customer": "customers",
        "latest_charge": "charges",
        "payment_method": "payment_methods",
        "review": "reviews",
    },
    "charges": {
        "balance_transaction": "balance_transactions",
        "customer": "customers",
        "payment_intent": "payment_intents",
        "refunds": "charges.refunds",
        "review": "reviews",
    },
    "charges.refunds": {"data": "refunds"},
    "refunds": {
        "balance_transaction": "balance_transactions",
        "charge": "charges",
        "customer": "customers",
        "failure_balance_transaction": "balance_transactions",
        "payment_intent": "payment_intents",
        "payment_method": "payment_methods",
    },
    "transfers": {
        "balance_transaction": "balance_transactions",
        "destination": "accounts",
        "reversals": "transfers.reversals.of_one",
        "source_transaction": "charges",
    },
    "transfers.reversals.of_one": {"data": "transfers.reversals"},
    "transfers.reversals": {"balance_transaction": "balance_transactions", "transfer": "transfers"},
    "disputes": {
        "balance_transactions": "balance_transactions",
        "charge": "charges",
        "payment_intent": "payment_intents",
    },
    "balance_transactions": {"source": "sources"},
    "radar.early_fraud_warnings": {"charge": "charges", "payment_intent": "payment_intents"},
    "reviews": {"charge": "charges", "payment_intent": "payment_intents"},
}
"""For each kind of object its expandable fields and the kinds of their objects (`x-expandableFields` in Stripe's
OpenAPI description). The source of a balance transaction may be of any kind, so nothing in it is expanded."""


def check_paths(operation: str, paths: list[str]) -> None:
    """Check, before the endpoint runs, that an operation's answer has these expandable fields.

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
    """A copy of the body in which these checked paths are expanded."""
    for path in paths:
        body = _expanded(state, body, path.split("."))
    return body


def _expanded(state: State, node: Any, segments: list[str]) -> Any:
    if not segments or node is None:
        return node
    if isinstance(node, list):
        return [_expanded(state, item, segments) for item in node]
    head, rest = segments[0], segments[1:]
    child = _refunds_of(state, node) if head == "refunds" else node.get(head)
    if isinstance(child, str):
        child = _find(state, _STORES[head], child)
    # The object may lack an optional field.
    return {**node, head: _expanded(state, child, rest)} if head in node or child else node


_STORES = {field: store for fields in _FIELDS.values() for field, store in fields.items()}


def _find(state: State, store: str, id_: str) -> Json | str:
    if store == "sources":
        return next((held[id_] for held in _sources(state) if id_ in held), id_)
    found: Json | str = getattr(state, store).get(id_, id_)
    return current(state, found) if store == "balance_transactions" and isinstance(found, dict) else found


def _sources(state: State) -> Iterator[dict[str, Json]]:
    yield from (state.charges, state.refunds, state.transfers, state.disputes)
    yield from state.reversals.values()


def _refunds_of(state: State, charge: Json) -> Json:
    """The refunds of a charge, which its body contains only on request (changelog 2022-11-15)."""
    made = [refund for refund in reversed(state.refunds.values()) if refund["charge"] == charge["id"]]
    data, url = made[:_IN_ONE], f"/v1/charges/{charge['id']}/refunds"
    return {"object": "list", "data": data, "has_more": len(made) > _IN_ONE, "url": url}
