"""Requests to Stripe as rows of commands and of acts keep them, for operators: nothing is decided by them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

MOST_OF_A_CALL = 8
"""Requests of one call that are kept: the last ones, because the step itself comes after its looks."""


class StripeRequest(NamedTuple):
    """One request. ``request_id``: the id in Stripe's log of requests; None without an answer."""

    operation: str
    result: str
    request_id: str | None


Note = Callable[[StripeRequest], None]
"""Called after each request, answered or not."""


def noted(recovery_point: str, requests: Iterable[StripeRequest]) -> dict[str, Any] | None:
    """The requests of one call as JSON; None if no request was made."""
    kept = last(requests)
    return {"call": recovery_point, "requests": kept} if kept else None


def last(requests: Iterable[StripeRequest]) -> list[list[str | None]]:
    """The last requests as JSON."""
    return [[*request] for request in requests][-MOST_OF_A_CALL:]


def requests_in(note: Mapping[str, Any]) -> list[StripeRequest]:
    """The ``requests`` that a call's note or an act's detail keeps; none where there are none."""
    return [StripeRequest(*request) for request in note.get("requests", ())]


def in_words(requests: Iterable[StripeRequest]) -> str:
    """Operation, result and id of each request."""
    return ", ".join(" ".join(filter(None, request)) for request in requests)
