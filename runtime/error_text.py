"""Exceptions as text for a log: without values of rows, local variables and control characters."""

import re
import traceback
from types import TracebackType

from runtime.printable import printable

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]

_QUOTING_CLASSES = ("22", "XX")
"""Data exception and internal error: their primary messages quote values (PostgreSQL documentation, "Error Codes")."""

_VALUES_FOLLOW = re.compile(r"\n(?:DETAIL|CONTEXT|HINT|QUERY|LINE \d+):.*", re.DOTALL)
"""The parts after libpq's primary message: they quote the row, the statement, or a function's arguments."""

_LONGEST = 2000


def described(error: BaseException) -> str:
    """One line. For a database error: class, SQLSTATE, the primary message if it quotes no value, and names."""
    driver = getattr(error, "orig", None)
    if isinstance(driver, BaseException):
        return f"{type(error).__name__}: {described(driver)}"
    state = getattr(error, "pgcode", None)
    # Only the first line: libraries put statements, parameters and rows after it.
    message = str(error).strip().partition("\n")[0] if state is None else _database_error(error, str(state))
    return printable(f"{type(error).__name__}: {message}" if message else type(error).__name__)[:_LONGEST]


def _database_error(error: BaseException, state: str) -> str:
    diagnostics = getattr(error, "diag", None)
    said = "" if state.startswith(_QUOTING_CLASSES) else getattr(diagnostics, "message_primary", None) or ""
    names = [
        f"{part} {name}"
        for part in ("table", "column", "constraint")
        if (name := getattr(diagnostics, f"{part}_name", None))
    ]
    return f"SQLSTATE {state} {said}".strip() + (f" ({', '.join(names)})" if names else "")


def without_row_values(text: str) -> str:
    """``text`` without the row values of a database message in it."""
    return _VALUES_FOLLOW.sub("", text) if "\n" in text else text


def trace_of(exc_info: ExcInfo) -> str:
    """A traceback: files, lines and source, each exception as ``described``, causes first."""
    return "\n".join(_lines(exc_info[1], set()))


def _lines(error: BaseException, seen: set[int]) -> list[str]:
    seen.add(id(error))
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    lines = [] if earlier is None or id(earlier) in seen else [*_lines(earlier, seen), "", "which led to:", ""]
    frames = "".join(traceback.format_tb(error.__traceback__)).rstrip("\n")
    lines += ["Traceback (most recent call last):", frames] if frames else []
    lines.append(described(error))
    for each in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        lines += ["", "of which:", "", *(_lines(each, seen) if id(each) not in seen else [])]
    return lines
