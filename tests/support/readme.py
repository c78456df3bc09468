"""The examples of README.md, which tests compare with the real output."""

import re
from pathlib import Path

README = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
_SECONDS = re.compile(r"\b\d+ s\b")
_ID = re.compile(r"[0-9a-f]{6,}(?:-[0-9a-f]{4,})*")


def blocks(kind: str) -> list[str]:
    """The blocks of code of one kind, in order."""
    return [text for found, text in _BLOCK.findall(README) if found == kind]


def without_ids(text: str) -> str:
    """The text with ids, times and durations replaced, so that it is the same for every run."""
    return _ID.sub("<id>", _SECONDS.sub("<seconds>", _TIME.sub("<time>", text)))
