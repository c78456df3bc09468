"""The parts of a request beside its route: JSON body, idempotency key, trace."""

import re
from typing import Any
from uuid import uuid4

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from service.api.replies import ApiError
from service.domain.command_json import UnreadableError, is_storable, keep, parse
from service.domain.commands.catalog import build
from service.domain.commands.command import CommandType, FieldError
from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.domain.messages import is_trace

MAX_BODY_BYTES = 1024 * 1024
DRAINED_BYTES = 16 * MAX_BODY_BYTES
"""Bytes of a too large body that are read before the refusal: a client that is cut off while sending misses the
answer."""

_CHUNK_BYTES = 64 * 1024

MAX_KEY_LENGTH = 255
_JSON = re.compile(r"application/([\w.+-]+\+)?json", re.IGNORECASE)


def command(kind: CommandType, payment_id: str, body: dict[str, Any]) -> Release | Revert:
    """The command in a body, under the same rules as on Kafka. Raises ApiError (400)."""
    try:
        built = build(kind, str(uuid4()), {**body, "payment_id": payment_id})
    except FieldError as error:
        raise ApiError(400, error.error.value, f"{error.message}.") from error
    if not isinstance(built, Release | Revert):
        raise TypeError(f"{kind} cannot be asked for over HTTP")
    return built


def raw_body() -> bytes:
    """The whole body. Raises ApiError (400), or RequestEntityTooLarge (413)."""
    # Not get_data(): it silently cuts a body of unknown length at Flask's limit.
    raw = bytearray()
    while chunk := request.stream.read(_CHUNK_BYTES):
        if len(raw) <= MAX_BODY_BYTES:
            raw += chunk
    if len(raw) > MAX_BODY_BYTES:
        raise RequestEntityTooLarge
    if request.content_length not in {None, len(raw)}:
        # The client is probably gone, but an incomplete body must not count as a request.
        raise ApiError(400, "MALFORMED_REQUEST", "The body is shorter than its Content-Length; send all of it.")
    return bytes(raw)


def json_body(*, may_be_empty: bool) -> dict[str, Any]:
    """The body, which must be a JSON object; unknown fields stay in it.

    A request without a content type is read as JSON; another content type is refused. Raises ApiError (400, 415), or
    RequestEntityTooLarge (413).
    """
    raw = raw_body()
    if not raw and may_be_empty:
        return {}
    if request.mimetype and not _JSON.fullmatch(request.mimetype):
        raise ApiError(415, "UNSUPPORTED_MEDIA_TYPE", "Send the body as Content-Type: application/json.")
    body = _parsed(raw)
    if not isinstance(body, dict):
        raise ApiError(400, "INVALID_PAYLOAD", "Send a JSON object.")
    kept = keep(body)
    if kept.fault is not None:
        raise ApiError(400, "INVALID_PAYLOAD", f"{kept.fault}.")
    return body


def _parsed(raw: bytes) -> Any:
    try:
        return parse(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ApiError(400, "MALFORMED_JSON", "The body is not UTF-8; send JSON in UTF-8.") from error
    except UnreadableError as error:
        raise ApiError(400, "MALFORMED_JSON", f"The body cannot be read: {error.detail}.") from error


def idempotency_key() -> str | None:
    """The ``Idempotency-Key`` header, if any. Raises ApiError (400)."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (1 <= len(key) <= MAX_KEY_LENGTH and is_storable(key)):
        raise ApiError(400, "INVALID_IDEMPOTENCY_KEY", f"Send a key of 1 to {MAX_KEY_LENGTH} characters, or none.")
    return key


def traceparent() -> str | None:
    """The caller's trace; None without a valid one."""
    given = request.headers.get("traceparent", "")
    return given if is_trace(given) else None
