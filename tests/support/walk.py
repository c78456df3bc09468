"""The files that a piece of work enters, and the files that the walk in docs/architecture.md names."""

import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_OURS = ("service/", "relay/", "consumer/", "runtime/", "commandline/")
_PAGE = ROOT / "docs" / "architecture.md"


def files_entered(work: Callable[[], object]) -> list[str]:
    """The files whose functions ``work`` or its threads called, in the order of first entry."""
    found: dict[str, None] = {}

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_name != "<module>":
            path = frame.f_code.co_filename.removeprefix(f"{ROOT}/")
            if path.startswith(_OURS):
                found.setdefault(path)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return list(found)


def files_of_walk(title: str) -> list[str]:
    """The files in the first column of the table under this heading."""
    section = _PAGE.read_text(encoding="utf-8").partition(f"### {title}\n")[2].partition("\n##")[0]
    return re.findall(r"^\| `([\w/]+\.py)` \|", section, re.MULTILINE)
