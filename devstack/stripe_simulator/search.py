"""`/v1/payment_intents/search`: clauses joined by AND or by OR, on an index that lags ("Search")."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from devstack.stripe_simulator.errors import InvalidParameterError
from devstack.stripe_simulator.state import Call, State
from devstack.stripe_simulator.wire import Json

_CLAUSE = re.compile(
    r"""\s*(?P<not>-)?(?P<field>metadata\[(?P<quote>['"])(?P<key>.+?)(?P=quote)\]|[a-z_]+)"""
    r"""(?P<op>:|~|>=|<=|>|<)(?:(?P<q>['"])(?P<text>.*?)(?P=q)|(?P<bare>[^\s'"]+))\s*"""
)
_JOINT = re.compile(r"(AND|OR)\s", re.IGNORECASE)
_NUMBERS = frozenset({"amount", "created"})
_FIELDS = _NUMBERS | {"currency", "customer", "status"}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    ":": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition of a query."""

    field: str
    key: str | None
    op: str
    value: str | None
    negated: bool

    def holds(self, intent: Json) -> bool:
        """Whether an intent meets the condition."""
        actual = intent["metadata"].get(self.key) if self.key else intent[self.field]
        return self._compare(actual) != self.negated

    def _compare(self, actual: Any) -> bool:
        if self.value is None or actual is None:
            return self.op == ":" and actual is None and self.value is None
        if self.op == "~":
            return self.value.lower() in str(actual).lower()
        wanted: Any = int(self.value) if self.field in _NUMBERS else self.value
        return _ORDER[self.op](actual, wanted)


def payment_intents(state: State, call: Call) -> Json:
    """GET /v1/payment_intents/search"""
    clauses, joint = parse(call.params["query"])
    limit: int = call.params.get("limit", 10)
    visible_until = state.clock.now() - state.options.search_lag
    met = all if joint == "AND" else any
    found = [
        intent
        for intent in reversed(state.payment_intents.values())
        if intent["created"] <= visible_until and met(clause.holds(intent) for clause in clauses)
    ]
    start = int(call.params.get("page", "0"))
    more = len(found) > start + limit
    return {
        "object": "search_result",
        "data": found[start : start + limit],
        "has_more": more,
        "next_page": str(start + limit) if more else None,
        "url": "/v1/payment_intents/search",
    }


def parse(query: str) -> tuple[list[Clause], str]:
    """A query's clauses, and AND or OR between them.

    Raises:
        InvalidParameterError: not in Stripe's query language, or AND mixed with OR.
    """
    clauses: list[Clause] = []
    joints: set[str] = set()
    position = 0
    while True:
        match = _CLAUSE.match(query, position)
        if match is None:
            raise _unreadable(query)
        clauses.append(_clause(match, query))
        if match.end() == len(query):
            break
        joint = _JOINT.match(query, match.end())
        if joint is None:
            raise _unreadable(query)
        joints.add(joint[1].upper())
        position = joint.end()
    if len(joints) > 1:
        raise _unreadable(query)
    return clauses, joints.pop() if joints else "AND"


def _clause(match: re.Match[str], query: str) -> Clause:
    field, op = match["field"], match["op"]
    bare, text = match["bare"], match["text"]
    number = field in _NUMBERS
    if match["key"] is None and field not in _FIELDS:
        raise InvalidParameterError(f"Field `{field}` is an unsupported search field.", param="query")
    if number and not (text or bare or "").isdigit():
        raise _unreadable(query)
    if bare not in (None, "null") and not number:
        raise _unreadable(query)
    value = None if bare == "null" else (text if text is not None else bare)
    return Clause("metadata" if match["key"] else field, match["key"], op, value, bool(match["not"]))


def _unreadable(query: str) -> InvalidParameterError:
    text = f"We were unable to parse your search query: {query}"
    return InvalidParameterError(text, param="query")
