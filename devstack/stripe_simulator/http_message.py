"""The part of HTTP/1.1 that API clients need: Content-Length bodies and keep-alive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from urllib.parse import unquote

from devstack.stripe_simulator.wire import Reply, Request

_HEAD_END = b"\r\n\r\n"
_MAX_HEAD = 64 * 1024
_MAX_BODY = 1024 * 1024


class MalformedError(Exception):
    """Bytes that are no readable request; `status` is the answer."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


@dataclass(frozen=True, slots=True)
class Parsed:
    """A whole request, its number of bytes, and whether the connection stays open afterwards."""

    request: Request
    length: int
    keep_alive: bool


def parse(buffer: bytes) -> Parsed | None:
    """The first request in the buffer, or None while it is incomplete.

    Raises:
        MalformedError: the bytes cannot become a request.
    """
    end = buffer.find(_HEAD_END)
    if end < 0:
        if len(buffer) > _MAX_HEAD:
            raise MalformedError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        return None
    lines = buffer[:end].decode("latin-1").split("\r\n")
    method, target, version = _request_line(lines[0])
    headers = _headers(lines[1:])
    start = end + len(_HEAD_END)
    length = start + _body_length(headers)
    if len(buffer) < length:
        return None
    path, _, query = target.partition("?")
    request = Request(
        method=method,
        path=unquote(path),
        query=query,
        headers=headers,
        body=buffer[start:length],
        base_url=f"http://{headers.get('host', 'localhost')}",
    )
    keep_alive = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    return Parsed(request, length, keep_alive)


def render(reply: Reply, *, keep_alive: bool) -> bytes:
    """The reply's bytes."""
    phrase = HTTPStatus(reply.status).phrase
    lines = [
        f"HTTP/1.1 {reply.status} {phrase}",
        f"Content-Type: {reply.content_type}",
        f"Content-Length: {len(reply.body)}",
        f"Connection: {'keep-alive' if keep_alive else 'close'}",
        f"Date: {formatdate(usegmt=True)}",
        *(f"{name}: {value}" for name, value in reply.headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + reply.body


def _request_line(line: str) -> tuple[str, str, str]:
    parts = line.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise MalformedError(HTTPStatus.BAD_REQUEST)
    return parts[0], parts[1], parts[2]


def _headers(lines: list[str]) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise MalformedError(HTTPStatus.BAD_REQUEST)
        headers[name.lower()] = value.strip()
    return headers


def _body_length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise MalformedError(HTTPStatus.LENGTH_REQUIRED)
    given = headers.get("content-length", "0")
    if not given.isdigit():
        raise MalformedError(HTTPStatus.BAD_REQUEST)
    if int(given) > _MAX_BODY:
        raise MalformedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return int(given)
