"""Lists, newest first, a page at a time ("Pagination")."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from devstack.stripe_simulator.balance_transactions import refresh
from devstack.stripe_simulator.errors import InvalidParameterError, no_such
from devstack.stripe_simulator.state import Call, State
from devstack.stripe_simulator.wire import Json

_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda created, bound: created > bound,
    "gte": lambda created, bound: created >= bound,
    "lt": lambda created, bound: created < bound,
    "lte": lambda created, bound: created <= bound,
}
_PAGING = frozenset({"created", "ending_before", "expand", "limit", "starting_after", "types"})


class Store(Protocol):
    """Objects by id, oldest first."""

    def __getitem__(self, id_: str, /) -> Json: ...
    def __contains__(self, id_: object, /) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
    def __reversed__(self) -> Iterator[str]: ...


def page(call: Call, store: Store, url: str, kind: str) -> Json:
    """One page of the objects whose fields equal the filters given.

    Raises:
        InvalidParameterError: limit outside 1 to 100.
        RefusedError: the cursor names no object.
    """
    params = call.params
    limit: int = params.get("limit", 10)
    if not 1 <= limit <= 100:
        text = f"Invalid integer: limit must be between 1 and 100, got {limit}."
        raise InvalidParameterError(text, code="parameter_invalid_integer", param="limit")
    backwards = "ending_before" in params
    rows = _after_cursor(store, params, kind, backwards=backwards)
    matching = (row for row in rows if _matches(row, params))
    taken = _take(matching, limit + 1)
    data = taken[:limit]
    if backwards:
        data.reverse()
    return {"object": "list", "data": data, "has_more": len(taken) > limit, "url": url}


def payment_intents(state: State, call: Call) -> Json:
    """GET /v1/payment_intents"""
    return page(call, state.payment_intents, "/v1/payment_intents", "payment_intent")


def charges(state: State, call: Call) -> Json:
    """GET /v1/charges"""
    return page(call, state.charges, "/v1/charges", "charge")


def refunds(state: State, call: Call) -> Json:
    """GET /v1/refunds"""
    return page(call, state.refunds, "/v1/refunds", "refund")


def transfers(state: State, call: Call) -> Json:
    """GET /v1/transfers"""
    return page(call, state.transfers, "/v1/transfers", "transfer")


def reversals(state: State, call: Call) -> Json:
    """GET /v1/transfers/:transfer/reversals"""
    id_ = call.path["transfer"]
    if id_ not in state.transfers:
        raise no_such("transfer", id_, "transfer", status=404)
    return page(call, state.reversals[id_], f"/v1/transfers/{id_}/reversals", "transfer reversal")


def disputes(state: State, call: Call) -> Json:
    """GET /v1/disputes"""
    return page(call, state.disputes, "/v1/disputes", "dispute")


def early_fraud_warnings(state: State, call: Call) -> Json:
    """GET /v1/radar/early_fraud_warnings"""
    return page(call, state.early_fraud_warnings, "/v1/radar/early_fraud_warnings", "early fraud warning")


def reviews(state: State, call: Call) -> Json:
    """GET /v1/reviews"""
    return page(call, state.reviews, "/v1/reviews", "review")


def webhook_endpoints(state: State, call: Call) -> Json:
    """GET /v1/webhook_endpoints"""
    return page(call, state.webhook_endpoints, "/v1/webhook_endpoints", "webhook endpoint")


def balance_transactions(state: State, call: Call) -> Json:
    """GET /v1/balance_transactions"""
    refresh(state)
    return page(call, state.balance_transactions, "/v1/balance_transactions", "balance transaction")


def events(state: State, call: Call) -> Json:
    """GET /v1/events"""
    return page(call, _Parsed(state.events), "/v1/events", "event")


def event(state: State, call: Call) -> Json:
    """GET /v1/events/:event"""
    id_ = call.path["event"]
    if id_ not in state.events:
        raise no_such("event", id_, "id", status=404)
    parsed: Json = json.loads(state.events[id_])
    return parsed


class _Parsed:
    """A view that parses the stored text of events one at a time."""

    def __init__(self, texts: dict[str, str]) -> None:
        self._texts = texts

    def __getitem__(self, id_: str) -> Json:
        parsed: Json = json.loads(self._texts[id_])
        return parsed

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._texts)

    def __contains__(self, id_: object) -> bool:
        return id_ in self._texts


def _after_cursor(store: Store, params: Json, kind: str, *, backwards: bool) -> Iterator[Json]:
    name = "ending_before" if backwards else "starting_after"
    cursor = params.get(name)
    if cursor is not None and cursor not in store:
        raise no_such(kind, cursor, name)
    # Insertion order is age. `ending_before` reads from old to new, and the caller reverses the result.
    ids = store.__iter__() if backwards else store.__reversed__()
    passed = cursor is None
    for id_ in ids:
        if passed:
            yield store[id_]
        passed = passed or id_ == cursor


def _matches(row: Json, params: Json) -> bool:
    if "types" in params and row["type"] not in params["types"]:
        return False
    if "created" in params and not _created_within(row["created"], params["created"]):
        return False
    return all(row.get(name) == value for name, value in params.items() if name not in _PAGING)


def _created_within(created: int, bound: Any) -> bool:
    if isinstance(bound, int):
        return created == bound
    return all(_COMPARE[name](created, value) for name, value in bound.items())


def _take(rows: Iterator[Json], count: int) -> list[Json]:
    taken = []
    for row in rows:
        taken.append(row)
        if len(taken) == count:
            break
    return taken
