"""The meaning of Stripe's errors: unknown, busy or refused.

Sources: Stripe documentation, "Error handling", "Error codes", "Idempotent requests", "Rate limits".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import stripe

from service.domain.errors import StripeBusyError, StripeRefusedError, StripeUnknownError
from service.gateway.fields import redact, request_id_of

Fault = StripeUnknownError | StripeBusyError | StripeRefusedError

RATE_LIMITED = "rate_limit"
PASSING_CODES = frozenset({RATE_LIMITED, "lock_timeout", "idempotency_key_in_use"})
MISCONFIGURED_CODES = frozenset(
    {"account_closed", "api_key_expired", "livemode_mismatch", "platform_api_key_expired", "testmode_charges_only"}
)
"""The key or the platform's account is at fault (Stripe documentation, "Error codes"), whatever the HTTP status."""

DESTINATION_LOST = "account_invalid"
"""The platform has no access, or no longer, to the account that a request names: always a transfer's destination."""

MISCONFIGURED_RETRY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An error of Stripe's library, read without trust in its shape."""

    error: stripe.StripeError
    body: Mapping[str, Any]

    @property
    def message(self) -> str:
        """Stripe's own message. The library's message quotes the whole answer."""
        return redact(self.text("message") or "Stripe gave no reason")

    @property
    def described(self) -> str:
        """The message with the request's id, which operators find in the Dashboard."""
        request = self.request_id
        return self.message if request is None else f"{self.message} (request {request})"

    @property
    def request_id(self) -> str | None:
        """The id in Stripe's log of requests."""
        return request_id_of(_text(self.error.request_id))

    @property
    def retry_after(self) -> float | None:
        """Seconds from the header Retry-After; Stripe sends no dates there."""
        headers = self.error.headers or {}
        value = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
        return float(value) if value.isascii() and value.replace(".", "", 1).isdigit() else None

    @property
    def intent_id(self) -> str | None:
        """The id of the intent that the error is about."""
        intent = self.body.get("payment_intent")
        return _text(intent.get("id")) if isinstance(intent, Mapping) else _text(intent)

    def text(self, name: str) -> str | None:
        return _text(self.body.get(name))


def read(error: stripe.StripeError) -> ErrorAnswer:
    """The error with Stripe's ``error`` object, which is empty if there is none."""
    outer = error.json_body
    body = outer.get("error") if isinstance(outer, Mapping) else None
    return ErrorAnswer(error, body if isinstance(body, Mapping) else {})


def fault_of(answer: ErrorAnswer) -> Fault:
    """The error as one of the port's errors."""
    code = answer.text("code")
    if code in PASSING_CODES:
        return _busy(answer)
    if code in MISCONFIGURED_CODES or (code, answer.error.http_status) == ("resource_missing", 404):
        return _misconfigured(answer)
    if code == DESTINATION_LOST:
        return _refused(answer)
    return next(make(answer) for kind, make in _TABLE if isinstance(answer.error, kind))


def is_rate_limit(error: stripe.StripeError) -> bool:
    """Whether our requests are too fast. A locked object has the same HTTP status, and is no reason to slow down."""
    return isinstance(error, stripe.RateLimitError) and read(error).text("code") in {None, RATE_LIMITED}


def _unreachable(answer: ErrorAnswer) -> Fault:
    return StripeUnknownError(str(answer.error.user_message))


def _busy(answer: ErrorAnswer) -> Fault:
    return StripeBusyError(answer.described, answer.retry_after)


def _misconfigured(answer: ErrorAnswer) -> Fault:
    """A fault of the API key, its mode or the platform's account: no payment fails for it, and an operator corrects it.

    A 404 is of this kind. Our paths name only objects of our own, and those do not vanish, but another key does not see
    them.
    """
    return StripeBusyError(
        f"Stripe refused our API key or account: {answer.described}",
        MISCONFIGURED_RETRY_SECONDS,
        stored=answer.error.http_status not in {401, 403},
    )


def _key_spent(answer: ErrorAnswer) -> Fault:
    """The idempotency key came before with another request, from a database that has lost its rows since.

    Under the same key Stripe repeats this answer ("Idempotent requests"); only a look shows whether the step is done.
    """
    return StripeUnknownError(answer.described, stored=True)


def _refused(answer: ErrorAnswer) -> Fault:
    return StripeRefusedError(
        answer.message,
        kind=answer.text("type") or "invalid_request_error",
        code=answer.text("code"),
        decline_code=answer.text("decline_code"),
        intent_id=answer.intent_id,
    )


def _by_status(answer: ErrorAnswer) -> Fault:
    """A 409, or an error without a class of its own.

    An answer without Stripe's error object comes from a proxy, and the request may still be under way. Then only the
    same idempotency key is safe, so the answer does not count as stored.
    """
    status = answer.error.http_status or 0
    if status == 409:
        return _busy(answer)
    return StripeUnknownError(f"{answer.described} (HTTP status {status})", stored=bool(answer.body))


_TABLE: tuple[tuple[type[stripe.StripeError], Callable[[ErrorAnswer], Fault]], ...] = (
    (stripe.APIConnectionError, _unreachable),
    (stripe.CardError, _refused),
    (stripe.InvalidRequestError, _refused),
    (stripe.IdempotencyError, _key_spent),
    (stripe.RateLimitError, _busy),
    (stripe.AuthenticationError, _misconfigured),
    (stripe.PermissionError, _misconfigured),
    (stripe.StripeError, _by_status),
)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
