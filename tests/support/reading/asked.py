"""What a reader is asked and answers, in a process of its own: both as JSON, without any library but its own."""

import json
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

SECONDS = 60.0
Heard = tuple[str, bool]
"""``ce_id``, and whether it came with ``replayed: true``."""

Read = Callable[[str, str, str | None], list[Heard]]
"""From the start of a topic to its end: of the broker there, that topic, with this isolation or the library's own."""


def heard(headers: Any) -> Heard:
    """Of one record; its headers are pairs."""
    found = {name: value.decode() for name, value in headers}
    return found["ce_id"], found.get("replayed") == "true"


def decoded(value: bytes) -> Any:
    """As the published sagas decode what they read; raises on what is no JSON."""
    return json.loads(value.decode("utf-8"))


def answer(library: str, read: Read) -> None:
    """Do what the command line asks, and print it."""
    asked = json.loads(sys.argv[1])
    found = [read(asked["bootstrap_servers"], topic, isolation) for topic, isolation in asked["asks"]]
    sys.stdout.write(json.dumps({"version": version(library), "heard": found}))
