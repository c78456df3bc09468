"""A browser logs in to read the API's description with the token of any caller, and gets nothing else by it."""

from unittest.mock import patch

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from service.api.description_login import COOKIE, FAILURES_A_MINUTE
from tests.unit.api.fakes import World, app_of

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
TOKEN = "s3crét"
TOKENS = f"saga:{TOKEN},olivia:letmein:operate"


@pytest.fixture
def client(world: World) -> FlaskClient:
    return app_of(world, api_tokens=SecretStr(TOKENS)).test_client()


def log_in(client: FlaskClient, token: str = TOKEN) -> int:
    return client.post("/docs", data={"token": token}).status_code


def test_a_browser_without_a_session_gets_the_form_and_nothing_else(client: FlaskClient) -> None:
    answer = client.get("/docs", headers=BROWSER)
    assert (answer.status_code, answer.mimetype) == (401, "text/html")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert answer.headers["Cache-Control"] == "no-store"
    assert '<form method="post"' in answer.text
    assert "getDescription" not in answer.text


def test_the_form_can_be_sent_to_this_service_only(client: FlaskClient) -> None:
    policy = client.get("/docs", headers=BROWSER).headers["Content-Security-Policy"]
    assert {"default-src 'none'", "form-action 'self'", "frame-ancestors 'none'"} <= set(policy.split("; "))
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
def test_a_program_without_a_token_gets_the_common_error(client: FlaskClient, path: str) -> None:
    assert (client.get(path).json or {})["error"] == "UNAUTHORIZED"


@pytest.mark.parametrize("token", [TOKEN, "letmein"])
def test_the_token_of_any_caller_opens_page_and_description(client: FlaskClient, token: str) -> None:
    answer = client.post("/docs", data={"token": token})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/docs")
    assert "getDescription" in client.get("/docs", headers=BROWSER).text
    assert client.get("/openapi.json").status_code == 200


def test_the_session_opens_no_other_route(client: FlaskClient, world: World) -> None:
    log_in(client)
    cookie = client.get_cookie(COOKIE, path="/docs")
    assert cookie is not None
    client.set_cookie(COOKIE, cookie.value, path="/")
    assert client.get("/history/u").status_code == 401
    assert client.post("/payment/0b8f7c9e-5a54-4c43-9d38-1d2f8a4f0a11/revert", json={}).status_code == 401
    assert world.asked == []


@pytest.mark.parametrize("token", ["", "wrong", f"saga:{TOKEN}", "operate"])
def test_a_token_that_is_not_ours_opens_nothing(client: FlaskClient, token: str) -> None:
    answer = client.post("/docs", data={"token": token})
    assert (answer.status_code, answer.mimetype, "Set-Cookie" in answer.headers) == (401, "text/html", False)
    assert client.get("/docs").status_code == 401


def test_wrong_tokens_are_limited(client: FlaskClient) -> None:
    assert {log_in(client, "wrong") for _ in range(FAILURES_A_MINUTE)} == {401}
    answer = client.post("/docs", data={"token": TOKEN})
    assert (answer.status_code, "Retry-After" in answer.headers) == (429, True)


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "http://[::1"}]
)
def test_the_form_of_another_site_is_refused(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.post("/docs", data={"token": TOKEN}, headers=headers)
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (403, False)


@pytest.mark.parametrize(("origin", "secure"), [("https://localhost", True), ("http://localhost", False)])
def test_the_cookies_are_for_the_description_and_no_script(client: FlaskClient, origin: str, secure: bool) -> None:
    cookies = client.post("/docs", data={"token": TOKEN}, headers={"Origin": origin}).headers.getlist("Set-Cookie")
    paths = set()
    for parts in (cookie.split("; ") for cookie in cookies):
        assert {"HttpOnly", "SameSite=Strict"} <= set(parts)
        assert ("Secure" in parts) is secure
        assert "crét" not in parts[0]
        paths |= {part for part in parts if part.startswith("Path=")}
    assert paths == {"Path=/docs", "Path=/openapi.json"}


def test_a_session_ends_after_a_shift_and_with_its_token(client: FlaskClient, world: World) -> None:
    log_in(client)
    cookie = client.get_cookie(COOKIE, path="/docs")
    assert cookie is not None
    other = app_of(world, api_tokens=SecretStr("saga:n3w")).test_client()
    other.set_cookie(COOKIE, cookie.value, path="/docs")
    assert other.get("/docs").status_code == 401
    with patch("itsdangerous.timed.time.time", return_value=4e9):
        assert client.get("/docs").status_code == 401


def test_a_header_counts_before_the_session(client: FlaskClient) -> None:
    log_in(client)
    assert client.get("/docs", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_no_session_is_needed_if_authentication_is_off(world: World) -> None:
    client = app_of(world, api_tokens=SecretStr(TOKENS), api_auth="off").test_client()
    assert client.get("/docs", headers=BROWSER).status_code == 200
