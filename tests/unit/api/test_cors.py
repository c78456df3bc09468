"""Only pages of the configured origins may read answers (Fetch standard, "HTTP CORS protocol")."""

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.test import TestResponse

from tests.unit.api.fakes import PAYMENT_ID, Unreachable, World, app_of

SHOP = "https://shop.example"
STATUS = "/payment/order-1/status"
OF_CORS = "Access-Control-"
TOKEN = {"Authorization": "Bearer s3cret"}


@pytest.fixture
def browser(world: World) -> FlaskClient:
    """A client of a service that requires a token and allows two origins."""
    origins = f"{SHOP}, http://localhost:3000"
    return app_of(world, cors_origins=origins, api_tokens=SecretStr("s3cret")).test_client()


def _cors(response: TestResponse) -> set[str]:
    return {name for name in response.headers.keys() if name.startswith(OF_CORS)}  # noqa: SIM118 - no dict


def _preflight(origin: str, method: str = "GET") -> dict[str, str]:
    asked = {f"{OF_CORS}Request-Method": method, f"{OF_CORS}Request-Headers": "authorization"}
    return {"Origin": origin, **asked}


@pytest.mark.parametrize("origin", [SHOP, "http://localhost:3000"])
def test_listed_origin_may_read_answers(browser: FlaskClient, origin: str) -> None:
    response = browser.get(STATUS, headers={"Origin": origin, **TOKEN})
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == origin
    assert "Access-Control-Allow-Credentials" not in response.headers
    exposed = response.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"X-Request-Id", "Retry-After"} <= set(exposed)


@pytest.mark.parametrize(
    "origin",
    ["https://other.example", "http://shop.example", "https://shop.example:8443", "https://a.shop.example",
     "https://shop.example.evil.example", "null", "*", "", f"{SHOP}, {SHOP}"],
)  # fmt: skip
def test_another_origin_gets_no_cors_headers(browser: FlaskClient, origin: str) -> None:
    answer = browser.get(STATUS, headers={"Origin": origin, **TOKEN})
    assert (answer.status_code, _cors(answer)) == (200, set())
    asked = browser.options(STATUS, headers=_preflight(origin))
    assert (asked.status_code, _cors(asked)) == (405, set())


def test_client_without_an_origin_gets_no_cors_headers(browser: FlaskClient) -> None:
    assert _cors(browser.get(STATUS, headers=TOKEN)) == set()


@pytest.mark.parametrize("headers", [{}, {"Origin": SHOP}, {"Origin": "https://other.example"}])
@pytest.mark.parametrize("path", [STATUS, "/nope", "/health"])
def test_vary_header_names_the_origin_for_caches(browser: FlaskClient, path: str, headers: dict[str, str]) -> None:
    assert "Origin" in browser.get(path, headers=headers).headers["Vary"].split(", ")


@pytest.mark.parametrize("path", [STATUS, f"/payment/{PAYMENT_ID}/details", "/history/u", "/nope"])
def test_a_preflight_needs_no_token(browser: FlaskClient, world: World, path: str) -> None:
    response = browser.options(path, headers=_preflight(SHOP))
    assert (response.status_code, response.data) == (204, b"")
    assert response.headers["Access-Control-Allow-Origin"] == SHOP
    assert response.headers["Access-Control-Allow-Methods"] == "GET, HEAD"
    assert "Authorization" in response.headers["Access-Control-Allow-Headers"].split(", ")
    assert int(response.headers["Access-Control-Max-Age"]) > 0
    assert "Origin" in response.headers["Vary"]
    assert world.asked == []


@pytest.mark.parametrize("method", ["POST", "DELETE", "get"])
def test_a_preflight_of_anything_but_a_read_is_refused(browser: FlaskClient, method: str) -> None:
    response = browser.options(f"/payment/{PAYMENT_ID}/revert", headers=_preflight(SHOP, method))
    assert response.status_code == 405
    assert "Access-Control-Allow-Methods" not in response.headers


def test_options_request_that_is_no_preflight_answers_405(browser: FlaskClient) -> None:
    assert browser.options(STATUS, headers={"Origin": SHOP}).status_code == 405


def test_page_of_a_listed_origin_may_read_errors(browser: FlaskClient, world: World) -> None:
    shop = {"Origin": SHOP}
    found = [
        browser.get(STATUS, headers=shop),
        browser.get("/nope", headers=shop),
        browser.post("/health", headers=shop),
    ]
    world.payment = None
    found.append(browser.get(STATUS, headers={**shop, **TOKEN}))
    for error in (Unreachable(), KeyError("x")):
        world.error = error
        found.append(browser.get(STATUS, headers={**shop, **TOKEN}))
    assert [response.status_code for response in found] == [401, 404, 405, 404, 503, 500]
    assert {response.headers.get("Access-Control-Allow-Origin") for response in found} == {SHOP}


def test_without_configured_origins_no_answer_has_cors_headers(client: FlaskClient) -> None:
    answers = [client.get(STATUS, headers={"Origin": SHOP}), client.options(STATUS, headers=_preflight(SHOP))]
    assert [response.status_code for response in answers] == [200, 405]
    assert [_cors(response) | ({"Vary"} & set(response.headers.keys())) for response in answers] == [set()] * 2
