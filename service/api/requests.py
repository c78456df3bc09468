"""What a request carries beside its route: a JSON body, an idempotency key, a trace."""

import re
from typing import Any
from uuid import uuid4

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from service.api.replies import ApiError
from service.domain.command_json import UnreadableError, is_storable, keep, parse
from service.domain.commands.catalog import build
from service.domain.commands.command import CommandType
from service.domain.commands.fields import FieldError
from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.domain.messages import is_trace

MAX_BODY_BYTES = 1024 * 1024
DRAINED_BYTES = 16 * MAX_BODY_BYTES
"""So much of a body is read before it is refused: who is cut off while sending does not see the answer."""

_CHUNK_BYTES = 64 * 1024

MAX_KEY_LENGTH = 255
_JSON = re.compile(r"application/([\w.+-]+\+)?json", re.IGNORECASE)


def command(kind: CommandType, payment_id: str, body: dict[str, Any]) -> Release | Revert:
    """The command a body asks for, under the rules that hold for Kafka too. Raises ApiError (400)."""
    try:
        built = build(kind, str(uuid4()), {**body, "payment_id": payment_id})
    except FieldError as error:
        raise ApiError(400, error.error.value, f"{error.message}.") from error
    if not isinstance(built, Release | Revert):
        raise TypeError(f"{kind} cannot be asked for over HTTP")
    return built


def raw_body() -> bytes:
    """The body, whole. Raises ApiError (400, 413)."""
    # Not get_data(): it cuts a body of unknown length at Flask's limit, without a word.
    raw = bytearray()
    while chunk := request.stream.read(_CHUNK_BYTES):
        if len(raw) <= MAX_BODY_BYTES:
            raw += chunk
    if len(raw) > MAX_BODY_BYTES:
        raise RequestEntityTooLarge
    if request.content_length not in {None, len(raw)}:
        # Nobody waits for the answer; but half a body, or none, must not pass for what was meant.
        raise ApiError(400, "MALFORMED_REQUEST", "The body is shorter than its Content-Length; send all of it.")
    return bytes(raw)


def json_body(*, may_be_empty: bool) -> dict[str, Any]:
    """The body, which must be a JSON object; unknown fields are left in it.

    No content type is taken as JSON, another one is refused. Raises ApiError (400, 415).
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
    """The caller's trace; one that cannot be read is dropped."""
    given = request.headers.get("traceparent", "")
    return given if is_trace(given) else None
