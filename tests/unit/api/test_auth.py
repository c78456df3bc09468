"""Routes that need a token, and the tokens that they accept."""

from unittest.mock import patch

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from structlog.testing import capture_logs

from service.api.auth import Tokens
from tests.unit.api.fakes import PAYMENT_ID, World, app_of

GUARDED = [
    ("GET", "/payment/order-1/status"),
    ("GET", f"/payment/{PAYMENT_ID}/details"),
    ("GET", "/history/user-1"),
    ("POST", f"/payment/{PAYMENT_ID}/release"),
    ("POST", f"/payment/{PAYMENT_ID}/revert"),
]


@pytest.fixture
def guarded(world: World) -> FlaskClient:
    return app_of(world, api_tokens=SecretStr("saga:s3cret,plain,saga:n3w,ü:tökén")).test_client()


@pytest.mark.parametrize(("method", "path"), GUARDED)
@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", "Bearer s3cre", "Bearer s3cret2", "Basic s3cret", "s3cret"],
)
def test_request_without_a_valid_token_is_refused(
    guarded: FlaskClient, world: World, method: str, path: str, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = guarded.open(path, method=method, headers=headers, json={})
    assert (response.status_code, (response.json or {})["error"]) == (401, "UNAUTHORIZED")
    assert response.headers["WWW-Authenticate"].startswith("Bearer ")
    assert world.asked == []


@pytest.mark.parametrize(("method", "path"), GUARDED)
@pytest.mark.parametrize("header", ["Bearer s3cret", "bearer plain", "BEARER n3w", "Bearer  s3cret "])
def test_each_configured_token_is_accepted(guarded: FlaskClient, method: str, path: str, header: str) -> None:
    body = {"runner_id": "r", "runner_connect_account_id": "a"} if path.endswith("release") else None
    response = guarded.open(path, method=method, headers={"Authorization": header}, json=body)
    assert response.status_code in {200, 202}


def test_guessed_tokens_are_logged_by_address_and_lock_nobody_out(guarded: FlaskClient) -> None:
    """Callers behind one proxy share its address: a limit that stopped guesses would stop their right tokens, too."""
    with capture_logs() as lines:
        for number in range(50):
            guess = {"Authorization": f"Bearer guess-{number}"}
            assert guarded.get("/history/u", headers=guess).status_code == 401
        guarded.get("/openapi.json", headers=guess, environ_base={"REMOTE_ADDR": "192.0.2.7"})
        assert guarded.get("/history/u").status_code == 401
        assert guarded.get("/history/u", headers={"Authorization": "Bearer s3cret"}).status_code == 200
    refused = [line for line in lines if line["event"] == "token_refused"]
    assert [line["address"] for line in refused] == ["127.0.0.1", "192.0.2.7"], "one line a minute for each"
    assert "guess" not in str(lines)


def test_token_with_utf_8_characters_is_accepted(world: World, guarded: FlaskClient) -> None:
    on_the_wire = "Bearer tökén".encode().decode("latin-1")
    response = guarded.get("/history/u", environ_overrides={"HTTP_AUTHORIZATION": on_the_wire})
    assert response.status_code == 200


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
def test_probes_need_no_token(guarded: FlaskClient, path: str) -> None:
    assert guarded.get(path).status_code == 200


def test_webhook_needs_a_signature_and_no_token(guarded: FlaskClient) -> None:
    assert guarded.post("/stripe-webhook", data="evt", headers={"Stripe-Signature": "good"}).status_code == 200


def test_unknown_route_answers_404_without_a_token(guarded: FlaskClient) -> None:
    assert guarded.get("/nope").status_code == 404


def test_no_token_is_needed_if_authentication_is_off(world: World) -> None:
    client = app_of(world, api_tokens=SecretStr("t"), api_auth="off").test_client()
    assert client.get("/history/u").status_code == 200


def test_all_tokens_are_compared_each_time() -> None:
    tokens = Tokens([("a", "first"), ("b", "second"), ("c", "third")])
    with patch("service.api.auth.hmac.compare_digest", return_value=True) as compare:
        assert tokens.caller("Bearer x") == "a"
    assert compare.call_count == 3
    assert {len(known) for known, _ in (call.args for call in compare.call_args_list)} == {32}
