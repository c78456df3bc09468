"""Release and revert by HTTP: the accepted bodies and the queued commands."""

import io
import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from service.api.requests import DRAINED_BYTES
from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from tests.unit.api.fakes import PAYMENT_ID, World, app_of

RELEASE = f"/payment/{PAYMENT_ID}/release"
REVERT = f"/payment/{PAYMENT_ID}/revert"
RUNNER = {"runner_id": "runner-1", "runner_connect_account_id": "acct_1"}
LIMIT = 1024 * 1024


def _error(response: Any) -> tuple[int, str]:
    return response.status_code, response.json["error"]


def test_release_is_queued(client: FlaskClient, world: World) -> None:
    response = client.post(RELEASE, json={**RUNNER, "note": "ignored"})
    body = response.json or {}
    ((command, key, traceparent),) = world.queued
    assert command == Release(body["correlation_id"], PAYMENT_ID, "runner-1", "acct_1")
    assert (key, traceparent) == (None, None)
    assert (response.status_code, set(body)) == (202, {"success", "message", "correlation_id"})


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({}, None),
        ({"content_type": "application/x-www-form-urlencoded"}, None),
        ({"data": "{}"}, None),
        ({"json": {}}, None),
        ({"json": {"reason": None}}, None),
        ({"json": {"reason": "The runner did not come."}}, "The runner did not come."),
        ({"data": '{"reason": "no type"}'}, "no type"),
        ({"data": b"\xef\xbb\xbf{}", "content_type": "application/json; charset=utf-8"}, None),
        ({"data": "{}", "content_type": "application/vnd.saga+json"}, None),
    ],
)
def test_revert_needs_neither_body_nor_content_type(
    client: FlaskClient, world: World, request_: dict[str, Any], reason: str | None
) -> None:
    response = client.post(REVERT, **request_)
    assert response.status_code == 202
    ((command, _, _),) = world.queued
    assert isinstance(command, Revert)
    assert (command.payment_id, command.reason) == (PAYMENT_ID, reason)


def test_each_request_has_its_own_correlation_id(client: FlaskClient) -> None:
    assert (client.post(REVERT).json or {})["correlation_id"] != (client.post(REVERT).json or {})["correlation_id"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (400, "MALFORMED_JSON")),
        (b"{", (400, "MALFORMED_JSON")),
        (b"\xff", (400, "MALFORMED_JSON")),
        (b"[" * 100_000, (400, "MALFORMED_JSON")),
        (b"[]", (400, "INVALID_PAYLOAD")),
        (b"null", (400, "INVALID_PAYLOAD")),
        (b'"{}"', (400, "INVALID_PAYLOAD")),
        (b"{}", (400, "INVALID_PAYLOAD")),
        (b'{"runner_id": "r"}', (400, "INVALID_PAYLOAD")),
        (b'{"runner_id": 5, "runner_connect_account_id": "a"}', (400, "INVALID_PAYLOAD")),
        (b'{"runner_id": " ", "runner_connect_account_id": "a"}', (400, "INVALID_PAYLOAD")),
        (b'{"runner_id": null, "runner_connect_account_id": "a"}', (400, "INVALID_PAYLOAD")),
        (b'{"runner_id": "a\\u0000", "runner_connect_account_id": "a"}', (400, "INVALID_PAYLOAD")),
        (b'{"runner_id": "\\ud800", "runner_connect_account_id": "a"}', (400, "INVALID_PAYLOAD")),
        (b'{"runner_id": "' + b"r" * 256 + b'", "runner_connect_account_id": "a"}', (400, "INVALID_PAYLOAD")),
    ],
)
def test_invalid_body_answers_400(client: FlaskClient, world: World, body: bytes, expected: tuple[int, str]) -> None:
    assert _error(client.post(RELEASE, data=body, content_type="application/json")) == expected
    assert world.asked == []


def test_message_names_every_wrong_field(client: FlaskClient) -> None:
    message = (client.post(RELEASE, json={"runner_id": 5}).json or {})["message"]
    assert "runner_id must be a string" in message
    assert "runner_connect_account_id is missing" in message


@pytest.mark.parametrize("path", [RELEASE, REVERT])
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json"])
def test_other_content_type_answers_415(client: FlaskClient, world: World, path: str, kind: str) -> None:
    response = client.post(path, data=json.dumps(RUNNER), content_type=kind)
    assert _error(response) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert world.asked == []


def _padded(length: int) -> bytes:
    body = json.dumps(RUNNER).encode()
    return body + b" " * (length - len(body))


def test_body_of_exactly_the_limit_is_accepted(client: FlaskClient) -> None:
    assert client.post(RELEASE, data=_padded(LIMIT), content_type="application/json").status_code == 202


@pytest.mark.parametrize("path", [RELEASE, REVERT, "/stripe-webhook"])
@pytest.mark.parametrize("length", [LIMIT + 1, DRAINED_BYTES, DRAINED_BYTES + 1])
def test_larger_body_answers_413(client: FlaskClient, world: World, path: str, length: int) -> None:
    response = client.post(path, data=_padded(length), content_type="application/json")
    assert _error(response) == (413, "PAYLOAD_TOO_LARGE")
    assert world.asked == []


def _streamed(client: FlaskClient, path: str, body: bytes, **headers: str) -> Any:
    """Send a body as gunicorn passes it on: a stream that ends where the client ended it."""
    return client.post(
        path,
        input_stream=io.BytesIO(body),
        content_type="application/json",
        environ_overrides={"wsgi.input_terminated": True, **headers},
    )


def _chunked(client: FlaskClient, path: str, body: bytes) -> Any:
    return _streamed(client, path, body, HTTP_TRANSFER_ENCODING="chunked")


@pytest.mark.parametrize("path", [RELEASE, "/stripe-webhook"])
@pytest.mark.parametrize("length", [LIMIT + 1, 2 * LIMIT, DRAINED_BYTES, DRAINED_BYTES + 1])
def test_larger_body_of_unknown_length_answers_413(client: FlaskClient, world: World, path: str, length: int) -> None:
    assert _error(_chunked(client, path, _padded(length))) == (413, "PAYLOAD_TOO_LARGE")
    assert world.asked == []


def test_body_of_unknown_length_is_accepted_up_to_the_limit(client: FlaskClient) -> None:
    assert _chunked(client, RELEASE, _padded(LIMIT)).status_code == 202


@pytest.mark.parametrize("sent", [b"", b"{}"])
def test_truncated_body_answers_400(client: FlaskClient, world: World, sent: bytes) -> None:
    assert _error(_streamed(client, REVERT, sent, CONTENT_LENGTH="30")) == (400, "MALFORMED_REQUEST")
    assert world.asked == []


@pytest.mark.parametrize("path", [RELEASE, REVERT])
def test_unknown_payment_is_404(client: FlaskClient, world: World, path: str) -> None:
    world.payment = None
    assert _error(client.post(path, json=RUNNER)) == (404, "PAYMENT_NOT_FOUND")


@pytest.mark.parametrize("key", ["k", "ü" * 255, "with space", '"quoted"'])
def test_idempotency_key_is_passed_to_the_queue(client: FlaskClient, world: World, key: str) -> None:
    assert client.post(REVERT, headers={"Idempotency-Key": key}).status_code == 202
    assert world.queued[0][1] == key


@pytest.mark.parametrize("key", ["", "k" * 256, "a\0b"])
def test_invalid_idempotency_key_answers_400(world: World, key: str) -> None:
    client = app_of(world).test_client()
    response = client.post(REVERT, environ_overrides={"HTTP_IDEMPOTENCY_KEY": key})
    assert _error(response) == (400, "INVALID_IDEMPOTENCY_KEY")
    assert world.asked == []


def test_idempotency_key_of_another_body_answers_409(client: FlaskClient) -> None:
    assert _error(client.post(REVERT, headers={"Idempotency-Key": "reused"})) == (409, "IDEMPOTENCY_KEY_REUSED")


TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (TRACE, TRACE),
        ("", None),
        ("nonsense", None),
        (TRACE.upper(), None),
        (f"{TRACE},{TRACE}", None),
        (f"ff{TRACE[2:]}", None),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", None),
        (f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01", None),
    ],
)
def test_valid_trace_is_continued(client: FlaskClient, world: World, given: str, kept: str | None) -> None:
    assert client.post(REVERT, headers={"traceparent": given}).status_code == 202
    assert world.queued[0][2] == kept
