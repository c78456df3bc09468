"""The type and correlation id of an excessive message, found without building objects from it."""

import json
import re
from contextlib import suppress
from itertools import islice
from typing import Any

from service.domain.command_json import STRING, object_of

READABLE_BYTES = 16 * 1024 * 1024
"""A larger message is not searched at all."""
_MOST_TOKENS = 100_000
_LONGEST_STRING = 2048
_WANTED = frozenset({"type", "correlation_id", "payload"})
_TOKEN = re.compile(rf"({STRING.pattern})(\s*+:)?|[{{}}\[\]]", re.DOTALL)
"""A string, with the colon that makes it a name; or a bracket. Everything between them is skipped."""


class Skim:
    """``content``: the type, the correlation id and the payload's correlation id, if they are strings.

    Time and memory are bounded: only the first tokens are read, and nothing else is kept. A text that is no JSON may
    seem to have these fields, too, and is refused as well. ``depth``: the deepest nesting of brackets.
    """

    def __init__(self, value: bytes) -> None:
        text = _unwrapped(value.decode("utf-8-sig", "replace").lstrip())
        self.depth = 0
        self._outer: list[tuple[str, Any]] = []
        self._inner: list[tuple[str, Any]] = []
        self._read(text)
        self.content = object_of(self._outer) if text.startswith("{") else {}
        if "payload" in self.content:
            self.content["payload"] = object_of(self._inner)

    def _read(self, text: str) -> None:
        depth, name, in_payload = 0, "", False
        for token in islice(_TOKEN.finditer(text), _MOST_TOKENS):
            if token.lastindex is None:
                opens = token.group() in "{["
                if depth == 1 and opens:
                    in_payload = name == "payload" and token.group() == "{"
                    self._found(1, name, "")
                depth += 1 if opens else -1
                self.depth = max(self.depth, depth)
            elif depth == 1 or (depth == 2 and in_payload):
                if token.lastindex == 2:
                    name = _string(token)
                else:
                    self._found(depth, name, _string(token))

    def _found(self, depth: int, name: str, value: str) -> None:
        if name in _WANTED:
            (self._outer if depth == 1 else self._inner).append((name, value))


def _unwrapped(text: str) -> str:
    """The JSON in a text that is one JSON string; else the text itself."""
    if text.startswith('"'):
        with suppress(ValueError):
            return str(json.loads(text)).lstrip()
    return text


def _string(token: re.Match[str]) -> str:
    """The string's value. Too long or no JSON, it is empty, and no wanted field may be empty."""
    start, end = token.span(1)
    if end - start <= _LONGEST_STRING:
        with suppress(ValueError):
            return str(json.loads(token.group(1)))
    return ""
