"""One request to Stripe: guarded, paced, with its error translated."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import stripe

from service.domain.errors import StripeBusyError, StripeUnknownError
from service.gateway.call_seen import call_seen
from service.gateway.contact import Contact
from service.gateway.faults import Fault, fault_of, is_rate_limit, read
from service.gateway.fields import Json, UnexpectedObjectError, text
from service.gateway.pace import Pace

PAGE_SIZE = 100

_RESOURCES = {"payment_intent": "payment_intents", "transfer": "transfers", "refund": "refunds"}
"""The resource from which an object is read again; reversals never change."""

_UNANSWERED = (stripe.APIConnectionError, stripe.AuthenticationError)
"""Errors that stop every payment."""


class Calls:
    """Requests through one client. ``guard`` raises when a database transaction is open.

    ``patience``: the longest wait for the pace, in seconds. Every method raises StripeUnknownError, StripeBusyError,
    StripeRefusedError or UnexpectedObjectError.
    """

    def __init__(
        self, client: stripe.StripeClient, guard: Callable[[], None], pace: Pace, contact: Contact, *, patience: float
    ) -> None:
        self._client = client
        self._guard = guard
        self._pace = pace
        self._contact = contact
        self._patience = patience

    def get(self, *path: str, **params: Any) -> Json:
        """Read one object. The parts of the path are escaped."""
        return self._request("get", path, params)[0]

    def post(self, *path: str, key: str, params: Mapping[str, Any] | None = None) -> Json:
        """Do one step under its idempotency key; returns the object's present state.

        A repeated answer shows the object's first state (Stripe API reference, "Idempotent requests"), so the object is
        read again.
        """
        asked = dict(params or {})
        made, replayed = self._request("post", path, {**asked, "idempotency_key": key})
        resource = _RESOURCES.get(str(made.get("object")))
        if not replayed or resource is None:
            return made
        return self.get(resource, text(made, "id"), **{name: asked[name] for name in ("expand",) if name in asked})

    def all(self, *path: str, **params: Any) -> Iterator[Json]:
        """Every object of a list, newest first, page after page (Stripe API reference, "Pagination")."""
        after: dict[str, str] = {}
        while True:
            page = self.get(*path, limit=PAGE_SIZE, **params, **after)
            items = items_of(page)
            yield from items
            if not items or not page.get("has_more"):
                return
            after = {"starting_after": text(items[-1], "id")}

    def _request(self, method: str, path: tuple[str, ...], params: dict[str, Any]) -> tuple[Json, bool]:
        self._guard()
        self._pace.wait(self._patience)
        url = "/v1/" + "/".join(quote(part, safe="") for part in path)
        with call_seen(method, path) as seen:
            try:
                # raw: building typed objects from an answer costs as much as fetching it
                answer = self._client.raw_request(method, url, **params)
            except stripe.StripeError as exc:
                self._note(exc, path[0])
                fault = self._fault(method, exc)
                seen.failed(read(exc), fault, self._pace.limit)
                # without its cause: the library's error quotes the whole answer, including client secrets
                raise fault from None
            except (AttributeError, KeyError, TypeError, ValueError) as exc:
                # the library fails on an error that is no object
                raise UnexpectedObjectError("an error that is no object") from exc
            self._pace.went_through()
            self._contact.answered(path[0])
            seen.answered(answer.code, answer.headers.get("Request-Id"))
        if not isinstance(answer.data, Mapping):
            raise UnexpectedObjectError("an answer that is no object")
        return answer.data, answer.headers.get("Idempotent-Replayed") == "true"

    @staticmethod
    def _fault(method: str, exc: stripe.StripeError) -> Fault:
        """The fault of an error. Stripe stores only a step's answer under its key, never a read's."""
        fault = fault_of(read(exc))
        if method == "get" and isinstance(fault, StripeUnknownError | StripeBusyError):
            fault.stored = False
        return fault

    def _note(self, exc: stripe.StripeError, resource: str) -> None:
        if isinstance(exc, _UNANSWERED) or (exc.http_status or 0) >= 500:
            self._contact.failed(resource, type(exc).__name__, read(exc).message)
        else:
            self._contact.answered(resource, type(exc).__name__)
        if is_rate_limit(exc):
            self._pace.too_fast()


def items_of(page: Json) -> list[Json]:
    """The objects of one page. Raises UnexpectedObjectError."""
    items = page.get("data")
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        raise UnexpectedObjectError("a list without objects")
    return items
