"""The parts of a query, each read as what it is, or refused with a sentence."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from flask import request

from runtime.durations import parse_duration
from service.api.ops_page.errors import PageError
from service.domain.command_json import is_storable
from service.storage.operator_pages import PAGE_ROWS, After
from service.storage.operator_session import Record

Choice = TypeVar("Choice", bound=StrEnum)
_MOST_SKIPPED = 10_000


def text(name: str) -> str | None:
    """A text; None without one. Raises PageError for one that no row can have."""
    found = request.args.get(name, "").strip()
    if not is_storable(found):
        raise PageError(400, "Not found", f"{name} holds characters that no id has.")
    return found or None


def choice(name: str, of: type[Choice]) -> Choice | None:
    """One of the members; None for all. Raises PageError for another."""
    found = text(name)
    if found is not None and found not in set(of):
        raise PageError(400, "Not found", f"{name} is one of {', '.join(of)}.")
    return None if found is None else of(found)


def duration(name: str) -> timedelta | None:
    """How long ago, such as 15m; None without one. Raises PageError, also for a time that no calendar has."""
    found = text(name)
    if found is None:
        return None
    try:
        ago = parse_duration(found)
        _ = datetime.now(UTC) - ago
    except ValueError as error:
        raise PageError(400, "Not found", f"{error}.") from error
    except OverflowError as error:
        raise PageError(400, "Not found", f"{found} is too long ago.") from error
    return ago


def number(name: str) -> int | None:
    """A number from 0 on, which a link of the page has; None without one. Raises PageError."""
    found = text(name)
    if found is None:
        return None
    if not (found.isascii() and found.isdigit() and len(found) < 19):
        raise PageError(400, "Not found", f"{name} is a number.")
    return int(found)


def skipped() -> int:
    """Rows of the pages before."""
    return min(number("skip") or 0, _MOST_SKIPPED)


def after() -> After | None:
    """The last payment of the page before. Raises PageError for a link that the page did not make."""
    found = text("after")
    if found is None:
        return None
    at, _, payment_id = found.partition("_")
    try:
        # In UTC: PostgreSQL takes no offset that leads out of its calendar.
        return After(datetime.fromisoformat(at).astimezone(UTC), UUID(payment_id))
    except (ValueError, OverflowError) as error:
        raise PageError(400, "Not found", "This link to the next page is broken.") from error


def first_page(found: list[Record]) -> tuple[list[Record], bool]:
    """The rows of one page, and whether there are more."""
    return found[:PAGE_ROWS], len(found) > PAGE_ROWS
