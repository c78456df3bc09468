"""Requests are read from bytes, and replies written to bytes."""

import pytest

from devstack.stripe_simulator.http_message import MalformedError, parse, render
from devstack.stripe_simulator.wire import Reply

_WHOLE = b"POST /v1/a%20b?x=1 HTTP/1.1\r\nHost: h:1\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n"


def test_request_is_read_once_it_is_complete() -> None:
    end = _WHOLE.index(b"GET")
    for cut in range(end):
        assert parse(_WHOLE[:cut]) is None
    parsed = parse(_WHOLE)
    assert parsed is not None
    assert (parsed.length, parsed.keep_alive) == (end, True)
    request = parsed.request
    assert (request.method, request.path, request.query, request.body) == ("POST", "/v1/a b", "x=1", b"abc")
    assert request.base_url == "http://h:1"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\n" + b"a" * 70_000, 431),
    ],
)
def test_invalid_request_has_an_error_status(head: bytes, status: int) -> None:
    with pytest.raises(MalformedError) as raised:
        parse(head)
    assert raised.value.status == status


@pytest.mark.parametrize("line", [b"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"])
def test_connection_ends_if_the_request_says_so(line: bytes) -> None:
    parsed = parse(line)
    assert parsed is not None
    assert parsed.keep_alive is False


def test_reply_has_a_content_length() -> None:
    text = render(Reply(404, b"{}", {"Request-Id": "req_1"}), keep_alive=True)
    assert text.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert b"\r\nContent-Length: 2\r\nConnection: keep-alive\r\nDate: " in text
    assert text.endswith(b" GMT\r\nRequest-Id: req_1\r\n\r\n{}")
