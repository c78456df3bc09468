"""JSON replies, and errors in the contract's one shape."""

from collections.abc import Mapping
from typing import Any

import msgspec
from flask import Response

from runtime.errors import PaymentServiceError

_encode = msgspec.json.Encoder(decimal_format="number").encode
"""msgspec writes decimal numbers exactly. The standard library would write a binary fraction or a string."""

RETRY_AFTER_SECONDS = 5
"""Long enough for the start of a failover, and shorter than a saga waits."""


class ApiError(PaymentServiceError):
    """A reply other than success: HTTP status, code, and a message that tells the caller what to do."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}
        self.more = more or {}


def unavailable(code: str, message: str, **more: Any) -> ApiError:
    """A reply with status 503: the same request may succeed later."""
    return ApiError(503, code, message, headers={"Retry-After": str(RETRY_AFTER_SECONDS)}, more=more)


def reply(body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """``body`` as JSON."""
    return Response(_encode(body), status, headers, mimetype="application/json")


def reply_error(error: ApiError) -> Response:
    """The error as JSON."""
    body = {"success": False, "error": error.code, "message": error.message, **error.more}
    return reply(body, error.status, error.headers)
