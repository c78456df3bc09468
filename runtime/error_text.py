"""Exceptions in words fit for a log: no row's values, no local variables, nothing that a terminal obeys."""

import re
import traceback
from types import TracebackType

from runtime.printable import printable

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]

_QUOTING_CLASSES = ("22", "XX")
"""Data exception and internal error: their primary messages quote values (PostgreSQL documentation, "Error Codes")."""

_VALUES_FOLLOW = re.compile(r"\n(?:DETAIL|CONTEXT|HINT|QUERY|LINE \d+):.*", re.DOTALL)
"""What libpq puts behind a primary message: the row, the statement, the function's arguments."""

_LONGEST = 2000


def described(error: BaseException) -> str:
    """One line. Of the database's errors: class, SQLSTATE, primary message where it quotes no value, and names."""
    driver = getattr(error, "orig", None)
    if isinstance(driver, BaseException):
        return f"{type(error).__name__}: {described(driver)}"
    state = getattr(error, "pgcode", None)
    # The first line: behind it libraries put statements, parameters and rows.
    told = str(error).strip().partition("\n")[0] if state is None else _database_error(error, str(state))
    return printable(f"{type(error).__name__}: {told}" if told else type(error).__name__)[:_LONGEST]


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
    """A text into which somebody put the database's whole message."""
    return _VALUES_FOLLOW.sub("", text) if "\n" in text else text


def trace_of(exc_info: ExcInfo) -> str:
    """A traceback: files, lines and source, each exception as ``described``, causes first."""
    return "\n".join(_told(exc_info[1], set()))


def _told(error: BaseException, seen: set[int]) -> list[str]:
    seen.add(id(error))
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    lines = [] if earlier is None or id(earlier) in seen else [*_told(earlier, seen), "", "which led to:", ""]
    frames = "".join(traceback.format_tb(error.__traceback__)).rstrip("\n")
    lines += ["Traceback (most recent call last):", frames] if frames else []
    lines.append(described(error))
    for each in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        lines += ["", "of which:", "", *(_told(each, seen) if id(each) not in seen else [])]
    return lines
