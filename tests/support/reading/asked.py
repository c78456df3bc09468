"""The question and the answer of a reader in its own process: both in JSON, without other libraries."""

import json
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

SECONDS = 60.0
Heard = tuple[str, bool]
"""``ce_id``, and whether it came with ``replayed: true``."""

Read = Callable[[str, str, str | None], list[Heard]]
"""Reads a topic from start to end: broker, topic, isolation level (None for the library's default)."""


def heard(headers: Any) -> Heard:
    """The id of one record, whose headers are pairs."""
    found = {name: value.decode() for name, value in headers}
    return found["ce_id"], found.get("replayed") == "true"


def decoded(value: bytes) -> Any:
    """Decodes a value as the published sagas do; raises for a value that is not JSON."""
    return json.loads(value.decode("utf-8"))


def answer(library: str, read: Read) -> None:
    """Read the topics of the command line's question, and print the answer."""
    asked = json.loads(sys.argv[1])
    found = [read(asked["bootstrap_servers"], topic, isolation) for topic, isolation in asked["asks"]]
    sys.stdout.write(json.dumps({"version": version(library), "heard": found}))
