"""Stripe's form encoding: `a[b][0]=v` becomes `{"a": {"b": {"0": "v"}}}`."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from devstack.stripe_simulator.wire import Json

_SEGMENT = re.compile(r"\[([^\[\]]*)\]")


def decode(encoded: str) -> Json:
    """Nest a form body or query string. Lists stay hashes with digits as keys; `a[]=v` counts up."""
    tree: Json = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        _place(tree, _segments(name), value)
    return tree


@lru_cache(maxsize=1024)
def _segments(name: str) -> tuple[str, ...]:
    head, bracket, rest = name.partition("[")
    return (head, *_SEGMENT.findall(bracket + rest))


def _place(tree: Json, segments: tuple[str, ...], value: str) -> None:
    node: dict[str, Any] = tree
    for segment in segments[:-1]:
        child = node.setdefault(segment or str(len(node)), {})
        if not isinstance(child, dict):
            child = node[segment] = {}
        node = child
    node[segments[-1] or str(len(node))] = value
