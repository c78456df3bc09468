"""Answers to requests that never reach the application, in the contract's error shape."""

import json
from dataclasses import dataclass

from prometheus_client import Counter

from runtime.errors import PaymentServiceError

REFUSED = Counter("http_refused_total", "Connections ended before the application had a request", ["reason"])


@dataclass(frozen=True, slots=True)
class Refusal:
    """The last answer before a connection is closed. ``label``: its label in the metric ``http_refused_total``."""

    status: int
    reason: str
    code: str
    message: str
    label: str = "malformed"

    def answer(self, request_id: str) -> bytes:
        """The whole response. The log line has the same ``request_id``."""
        body = json.dumps({"success": False, "error": self.code, "message": self.message})
        lines = [
            f"HTTP/1.1 {self.status} {self.reason}",
            "Connection: close",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            f"X-Request-Id: {request_id}",
        ]
        return "\r\n".join([*lines, "", body]).encode("latin-1")


class RequestRefusedError(PaymentServiceError):
    """The request is refused; ``refusal`` is the answer."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


UNREADABLE = Refusal(400, "Bad Request", "MALFORMED_REQUEST", "The request is not valid HTTP; mend it.")
INTERNAL = Refusal(
    500, "Internal Server Error", "INTERNAL_ERROR", "This is a fault of the service; tell its operators.", "internal"
)
HEAD_TOO_LARGE = Refusal(
    431, "Request Header Fields Too Large", "HEADERS_TOO_LARGE", "The headers are too large; send fewer."
)
BODY_TOO_LARGE = Refusal(
    413, "Content Too Large", "PAYLOAD_TOO_LARGE", "The body is over 1 MiB; send less.", "too_large"
)
TOO_SLOW = Refusal(
    408, "Request Timeout", "REQUEST_TIMEOUT", "The request did not arrive in time; send it again, whole.", "too_slow"
)

_BY_FAULT = {
    "LimitRequestLine": Refusal(414, "URI Too Long", "URI_TOO_LONG", "The URI is too long; send a shorter one."),
    "LimitRequestHeaders": HEAD_TOO_LARGE,
    "UnsupportedTransferCoding": Refusal(
        501, "Not Implemented", "MALFORMED_REQUEST", "Send the body plain or chunked."
    ),
    "ExpectationFailed": Refusal(
        417, "Expectation Failed", "MALFORMED_REQUEST", "Only 100-continue can be expected."
    ),
}  # fmt: skip


def refusal_of(error: Exception) -> Refusal:
    """The refusal for a parser's error, by its class name: gunicorn has two parsers with classes of their own."""
    return _BY_FAULT.get(type(error).__name__, UNREADABLE)
