"""One request to Stripe: guarded, paced, with its error translated."""

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from typing import Any, Self
from urllib.parse import quote

import stripe

from service.domain.errors import StripeBusyError, StripeUnknownError
from service.domain.stripe_requests import Note, StripeRequest
from service.gateway.call_seen import call_seen
from service.gateway.contact import Contact, Request, Result
from service.gateway.faults import Fault, fault_of, is_rate_limit, read
from service.gateway.fields import Json, UnexpectedObjectError, request_id_of, text
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
        self._key: dict[str, str] = {}
        self._noted: Note = _not_noted

    def noting(self, note: Note) -> Self:
        """The same calls; ``note`` is called after each request, answered or not."""
        mine = copy(self)
        mine._noted = note
        return mine

    def use_key(self, key: str) -> None:
        """Make the next requests with this key instead of the client's."""
        self._key["api_key"] = key

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
        request = self._contact.begin(path[0], operation_of(method, path))
        with call_seen(method, path) as seen:
            try:
                # raw: building typed objects from an answer costs as much as fetching it
                answer = self._client.raw_request(method, url, **params, **self._key)
            except stripe.StripeError as exc:
                self._note(exc, request)
                fault = self._fault(method, exc)
                seen.failed(read(exc), fault, self._pace.limit)
                # without its cause: the library's error quotes the whole answer, including client secrets
                raise fault from None
            except (AttributeError, KeyError, TypeError, ValueError) as exc:
                # the library fails on an error that is no object
                self._contact.answered(request, "unreadable", Result.UNREADABLE)
                self._noted(StripeRequest(request.operation, Result.UNREADABLE, None))
                raise UnexpectedObjectError("an error that is no object") from exc
            except BaseException:
                self._contact.forget(request)  # a fault of this code says nothing about Stripe
                raise
            self._pace.accepted()
            self._contact.answered(request)
            request_id = request_id_of(answer.headers.get("Request-Id"))
            self._noted(StripeRequest(request.operation, Result.OK, request_id))
            seen.answered(answer.code, request_id)
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

    def _note(self, exc: stripe.StripeError, request: Request) -> None:
        result, kind = _result_of(exc), type(exc).__name__
        self._noted(StripeRequest(request.operation, result, read(exc).request_id))
        if isinstance(exc, _UNANSWERED) or result is Result.SERVER_ERROR:
            self._contact.failed(request, kind, result, read(exc).message)
        else:
            self._contact.answered(request, kind, result)
        if is_rate_limit(exc):
            self._pace.too_fast()


def _not_noted(_request: StripeRequest) -> None:
    """Nobody keeps the requests of this work."""


def operation_of(method: str, path: tuple[str, ...]) -> str:
    """The operation's name in Stripe's libraries, such as ``payment_intents.capture``, without any id."""
    resource, *rest = path
    match method, rest:
        case "get", []:
            return f"{resource}.list"
        case "get", ["search"]:
            return f"{resource}.search"
        case "get", [_]:
            return f"{resource}.retrieve"
        case "post", []:
            return f"{resource}.create"
        case "post", [_, verb] if not verb.endswith("s"):
            return f"{resource}.{verb}"
        case _, [_, *parts]:
            return ".".join((resource, *parts, "create" if method == "post" else "list"))
    return resource


_BY_STATUS = {401: Result.KEY_REFUSED, 403: Result.KEY_REFUSED, 409: Result.CONFLICT, 429: Result.RATE_LIMITED}


def _result_of(exc: stripe.StripeError) -> Result:
    if isinstance(exc, stripe.APIConnectionError):
        return Result.NO_ANSWER
    status = exc.http_status or 0
    return Result.SERVER_ERROR if status >= 500 else _BY_STATUS.get(status, Result.REFUSED)


def items_of(page: Json) -> list[Json]:
    """The objects of one page. Raises UnexpectedObjectError."""
    items = page.get("data")
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        raise UnexpectedObjectError("a list without objects")
    return items
