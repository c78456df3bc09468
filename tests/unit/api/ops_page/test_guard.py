"""Who may use the operators' page, and whose forms it takes."""

import re
from typing import Any
from unittest.mock import patch

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from structlog.testing import capture_logs

from runtime.current import Current
from runtime.settings import load
from service.api.ops_page.guard import ACTS_A_MINUTE, FAILURES_A_MINUTE
from service.api.ops_page.sessions import COOKIE, LIFETIME_SECONDS, Sessions
from service.bootstrap import build_service
from service.settings import ServiceSettings
from tests.unit.api.fakes import Fault
from tests.unit.api.ops_page.conftest import TOKEN, EmptyDesk, Unreachable, app_with

LIST = "/ops/actions"


@pytest.mark.parametrize("path", ["/ops", LIST, "/ops/payments", "/ops/payments/0b8f7c9e-5a54-4c43-9d38-1d2f8a4f0a11"])
def test_a_stranger_gets_the_form_and_nothing_else(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.mimetype) == (401, "text/html")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert f'name="next" value="{path}"' in answer.text
    assert "<nav" not in answer.text


@pytest.mark.parametrize("token", ["", "wrong", "s3cret", f"olivia:{TOKEN}:operate", f"{TOKEN}:operate", "operate"])
def test_a_token_without_the_scope_opens_nothing(client: FlaskClient, token: str) -> None:
    answer = client.post("/ops/login", data={"token": token})
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (401, False)
    assert client.get(LIST).status_code == 401


def test_the_scope_opens_the_page_and_the_api(browser: FlaskClient) -> None:
    assert browser.get(LIST).status_code == 200
    assert browser.get("/history/u").status_code == 401  # the cookie is for the page alone
    bearer = {"Authorization": f"Bearer {TOKEN}".encode().decode("latin-1")}
    api = browser.get("/history/u", environ_overrides={"HTTP_AUTHORIZATION": bearer["Authorization"]})
    assert api.status_code == 200


@pytest.mark.parametrize(
    ("wanted", "led_to"),
    [
        ("/ops/payments?status=FAILED", "/ops/payments?status=FAILED"),
        ("/ops", "/ops"),
        ("/opsx", "/ops"),
        ("//evil.example/ops", "/ops"),
        ("https://evil.example/ops", "/ops"),
        ("/ops/\\evil.example", "/ops"),
        ("/ops/\r\nSet-Cookie: a=b", "/ops"),
        ("http://[", "/ops"),
        ("javascript:alert(1)", "/ops"),
        ("", "/ops"),
    ],
)
def test_logging_in_leads_to_a_page_of_ours(client: FlaskClient, wanted: str, led_to: str) -> None:
    answer = client.post("/ops/login", data={"token": TOKEN, "next": wanted})
    assert (answer.status_code, answer.headers["Location"]) == (303, led_to)


@pytest.mark.parametrize(("origin", "secure"), [("https://localhost", True), ("http://localhost", False)])
def test_the_cookie_is_for_this_page_and_no_script(client: FlaskClient, origin: str, secure: bool) -> None:
    answer = client.post("/ops/login", data={"token": TOKEN}, headers={"Origin": origin})
    parts = answer.headers["Set-Cookie"].split("; ")
    assert parts[0].startswith(f"{COOKIE}=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/ops", f"Max-Age={LIFETIME_SECONDS}"} <= set(parts)
    assert ("Secure" in parts) is secure
    assert TOKEN not in answer.headers["Set-Cookie"]


def test_logging_out_takes_the_cookie(browser: FlaskClient) -> None:
    assert browser.post("/ops/logout").status_code == 200
    assert browser.get(LIST).status_code == 401


@pytest.mark.parametrize("spoiled", ["", "x", "x.y", "{}x", "x{}", "{}.{}"])
def test_a_cookie_that_was_not_signed_here_is_none(client: FlaskClient, spoiled: str) -> None:
    cookie = Sessions([("olivia", TOKEN)]).open(TOKEN)
    client.set_cookie(COOKIE, spoiled.replace("{}", cookie or ""), path="/ops")
    assert client.get(LIST).status_code == 401


def test_a_session_ends_after_a_shift_and_with_its_token() -> None:
    sessions = Sessions([("olivia", TOKEN), ("otto", "t")])
    cookie = sessions.open("t") or ""
    session = sessions.read(cookie)
    assert session is not None
    assert session.operator == "otto"
    assert Sessions([("olivia", TOKEN)]).read(cookie) is None
    with patch("itsdangerous.timed.time.time", return_value=4e9):
        assert sessions.read(cookie) is None


def test_a_form_needs_the_proof_of_its_session(browser: FlaskClient) -> None:
    for proof in ("", "x"):
        assert browser.post("/ops/dead-letters/1/discard", data={"proof": proof, "reason": "r"}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://[::1"},
    ],
)
@pytest.mark.parametrize("path", ["/ops/login", "/ops/logout", "/ops/dead-letters/1/discard"])
def test_a_form_of_another_site_is_refused(browser: FlaskClient, headers: dict[str, str], path: str) -> None:
    answer = browser.post(path, data={"token": TOKEN}, headers=headers)
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (403, False)


def test_wrong_tokens_are_refused_after_a_few(client: FlaskClient) -> None:
    for _ in range(FAILURES_A_MINUTE):
        assert client.post("/ops/login", data={"token": "wrong"}).status_code == 401
    answer = client.post("/ops/login", data={"token": TOKEN})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    other = client.post("/ops/login", data={"token": TOKEN}, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert other.status_code == 303


def test_wrong_tokens_of_a_program_are_named_and_count_like_those_of_the_form(client: FlaskClient) -> None:
    with capture_logs() as lines:
        for number in range(FAILURES_A_MINUTE):
            assert client.get(LIST, headers={"Authorization": f"Bearer guess-{number}"}).status_code == 401
    assert [line["event"] for line in lines].count("operator_refused") == FAILURES_A_MINUTE
    right = {"Authorization": f"Bearer {TOKEN}".encode().decode("latin-1")}
    late = client.get(LIST, environ_overrides={"HTTP_AUTHORIZATION": right["Authorization"]})
    assert (late.status_code, "Retry-After" in late.headers) == (429, True)
    assert client.post("/ops/login", data={"token": TOKEN}).status_code == 429


def test_acts_are_limited(browser: FlaskClient) -> None:
    with patch("service.api.ops_page.guard._check_proof"):
        answers = [browser.post("/ops/command/retry").status_code for _ in range(ACTS_A_MINUTE + 1)]
    assert set(answers[:-1]) == {404}
    assert answers[-1] == 429


@pytest.fixture
def answers(desk: EmptyDesk, browser: FlaskClient) -> list[Any]:
    found = [browser.get(LIST), browser.get("/ops/static/ops.js"), browser.get("/ops/payments?status=x")]
    desk.error = Unreachable()
    found.append(browser.get(LIST))
    desk.error = RuntimeError("secret inside")
    found += [browser.get(LIST), app_with(desk).test_client().get(LIST)]
    return found


def test_every_answer_forbids_what_it_does_not_need(answers: list[Any]) -> None:
    assert [answer.status_code for answer in answers] == [200, 200, 400, 503, 500, 401]
    for answer in answers:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        if answer.mimetype == "text/html":
            assert answer.headers["Cache-Control"] == "no-store"
            assert not re.search(r"<script>|<style|\sstyle=|\son[a-z]+=", answer.text)
            assert "secret inside" not in answer.text


def test_without_an_operator_the_form_says_what_is_missing(desk: EmptyDesk) -> None:
    for changed in ({"api_tokens": SecretStr("saga:s3cret")}, {"api_tokens": None}, {"api_tokens": SecretStr("x")}):
        answer = app_with(desk, **changed, api_auth="off").test_client().get("/ops")
        assert (answer.status_code, "name:token:operate" in answer.text) == (401, True)


def test_a_page_that_is_off_is_not_there() -> None:
    assert app_with(None).test_client().get("/ops").status_code == 404
    settings = {"database_url": "postgresql://nowhere/none", "stripe_secret_key": "sk_test_1", "ops_page": "off"}
    rules = build_service(Current(load(ServiceSettings, **settings))).url_map.iter_rules()
    assert [rule.rule for rule in rules if rule.rule.startswith("/ops")] == []


def test_a_fault_that_has_a_cause_names_it(desk: EmptyDesk) -> None:
    desk.error = RuntimeError("no table operator_actions")
    client = app_with(desk, fault=Fault("schema", "The schema is at 0009; run: cli.py db upgrade")).test_client()
    client.post("/ops/login", data={"token": TOKEN})
    answer = client.get(LIST)
    assert (answer.status_code, "cli.py db upgrade" in answer.text) == (503, True)
