"""JSON replies, and errors in the one shape of the contract."""

from collections.abc import Mapping
from typing import Any

import msgspec
from flask import Response

from runtime.errors import PaymentServiceError

_encode = msgspec.json.Encoder(decimal_format="number").encode
"""The standard library's would make a binary fraction, or a string, of a decimal number."""

RETRY_AFTER_SECONDS = 5
"""Longer than a failover's first moments, shorter than a saga's patience."""


class ApiError(PaymentServiceError):
    """An answer other than success: HTTP status, code, and what the caller can do about it."""

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
    """503: the same request may succeed later."""
    return ApiError(503, code, message, headers={"Retry-After": str(RETRY_AFTER_SECONDS)}, more=more)


def reply(body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """``body`` as JSON."""
    return Response(_encode(body), status, headers, mimetype="application/json")


def reply_error(error: ApiError) -> Response:
    """The error as its caller sees it."""
    body = {"success": False, "error": error.code, "message": error.message, **error.more}
    return reply(body, error.status, error.headers)
