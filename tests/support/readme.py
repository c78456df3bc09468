"""The examples of README.md, as tests compare them with what really comes out."""

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
    """The same for every run: ids, moments and durations are replaced."""
    return _ID.sub("<id>", _SECONDS.sub("<seconds>", _TIME.sub("<time>", text)))
