"""Stripe's refusals: HTTP status, error type, code and message, as "Errors" and "Error codes" list them."""

from __future__ import annotations

import json

from devstack.stripe_simulator.wire import Json, Reply

_DOC_URL = "https://stripe.com/docs/error-codes/"


class RefusedError(Exception):
    """A request that Stripe refuses. The attributes are those of the error body."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type_: str = "invalid_request_error",
        headers: dict[str, str] | None = None,
        **fields: object,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.error: Json = {"message": message, "type": type_}
        self.error |= {name: value for name, value in fields.items() if value is not None}
        if isinstance(code := fields.get("code"), str):
            self.error["doc_url"] = _DOC_URL + code.replace("_", "-")

    def reply(self) -> Reply:
        """The reply that carries this refusal."""
        return Reply(self.status, json.dumps({"error": self.error}).encode(), self.headers)


class InvalidParameterError(RefusedError):
    """Refused before the endpoint ran, so Stripe keeps no idempotent result ("Idempotent requests")."""


def unknown_parameters(names: list[str]) -> InvalidParameterError:
    """`parameter_unknown`."""
    noun = "parameter" if len(names) == 1 else "parameters"
    return InvalidParameterError(
        f"Received unknown {noun}: {', '.join(names)}", code="parameter_unknown", param=names[0]
    )


def missing_parameter(name: str) -> InvalidParameterError:
    """`parameter_missing`."""
    return InvalidParameterError(f"Missing required param: {name}.", code="parameter_missing", param=name)


def unsupported(name: str) -> InvalidParameterError:
    """The error of a parameter that Stripe knows and the simulator does not implement."""
    return InvalidParameterError(
        f"The simulator does not implement `{name}`.", code="simulator_unsupported", param=name
    )


def no_such(kind: str, id_: str, param: str, *, status: int = 400) -> RefusedError:
    """`resource_missing`: 404 for an id in the path, 400 for one in a parameter."""
    return RefusedError(f"No such {kind}: '{id_}'", status=status, code="resource_missing", param=param)


def unexpected_state(message: str, intent: Json) -> RefusedError:
    """`payment_intent_unexpected_state`, which carries the intent."""
    return RefusedError(message, code="payment_intent_unexpected_state", payment_intent=dict(intent))


def internal() -> RefusedError:
    """A 500, whose effect is unknown to the caller. Stripe advises against a retry with the same key."""
    return RefusedError(
        "An unexpected error occurred.",
        status=500,
        type_="api_error",
        headers={"Stripe-Should-Retry": "false"},
    )


def rate_limited(retry_after: float | None = None) -> RefusedError:
    """429 `rate_limit` ("Rate limits")."""
    headers = {"Stripe-Rate-Limited-Reason": "global-rate"}
    return RefusedError(
        "Request rate limit exceeded. You can learn more about rate limits here https://stripe.com/docs/rate-limits.",
        status=429,
        code="rate_limit",
        headers=headers | _retry_after(retry_after),
    )


def lock_timeout(retry_after: float | None = None) -> RefusedError:
    """429 `lock_timeout`: another request works on the same object ("Rate limits: object lock timeouts")."""
    headers = {"Stripe-Rate-Limited-Reason": "resource-specific", "Stripe-Should-Retry": "true"}
    return RefusedError(
        "This object cannot be accessed right now because another API request or Stripe process is "
        "currently accessing it. If you see this error intermittently, retry the request.",
        status=429,
        code="lock_timeout",
        headers=headers | _retry_after(retry_after),
    )


def key_in_use(key: str) -> RefusedError:
    """409 `idempotency_key_in_use`."""
    return RefusedError(
        "There is currently another in-progress request using this Idempotent Key (that probably means you "
        f"submitted twice, and the other request is still going through): {key}. Please try again later.",
        status=409,
        type_="idempotency_error",
        code="idempotency_key_in_use",
        headers={"Stripe-Should-Retry": "true"},
    )


def key_reused(key: str) -> RefusedError:
    """400 `idempotency_error`: the key was used with other parameters, or for another endpoint."""
    return RefusedError(
        "Keys for idempotent requests can only be used with the same parameters they were first used with. "
        f"Try using a key other than '{key}' if you meant to execute a different request.",
        type_="idempotency_error",
    )


def _retry_after(seconds: float | None) -> dict[str, str]:
    return {} if seconds is None else {"Retry-After": f"{seconds:g}"}
