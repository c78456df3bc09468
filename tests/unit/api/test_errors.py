"""Every error answer has the same form, the right status and no internals."""

import pytest
from flask.testing import FlaskClient

from tests.unit.api.fakes import PAYMENT_ID, Fault, Unreachable, World, app_of

USING_THE_DATABASE = [
    ("GET", "/payment/order-1/status", None),
    ("GET", f"/payment/{PAYMENT_ID}/details", None),
    ("GET", "/history/user-1", None),
    ("POST", f"/payment/{PAYMENT_ID}/release", '{"runner_id": "r", "runner_connect_account_id": "a"}'),
    ("POST", f"/payment/{PAYMENT_ID}/revert", None),
    ("POST", "/stripe-webhook", "evt_1"),
]
SIGNED = {"Stripe-Signature": "good"}


@pytest.mark.parametrize(("method", "path", "body"), USING_THE_DATABASE)
def test_unavailable_database_answers_503(
    client: FlaskClient, world: World, method: str, path: str, body: str | None
) -> None:
    world.error = Unreachable("password=hunter2")
    response = client.open(path, method=method, data=body, headers=SIGNED)
    assert (response.status_code, (response.json or {})["error"]) == (503, "DATABASE_UNAVAILABLE")
    assert int(response.headers["Retry-After"]) > 0
    assert "hunter2" not in response.text


@pytest.mark.parametrize(("method", "path", "body"), [*USING_THE_DATABASE, ("GET", "/ready", None)])
def test_fault_of_the_service_answers_500_without_internals(
    client: FlaskClient, world: World, method: str, path: str, body: str | None
) -> None:
    world.error = KeyError("hunter2")
    response = client.open(path, method=method, data=body, headers=SIGNED)
    assert (response.status_code, (response.json or {})["error"]) == (500, "INTERNAL_ERROR")
    assert "hunter2" not in response.text
    assert "KeyError" not in response.text


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nope",
        "/health/",
        "/payment",
        "/payment/",
        "/payment/x",
        "/payment//status",
        "/history",
        "/history/",
        "/static/x",
        f"/payment/{PAYMENT_ID}/details/",
        "/payment/x/status/more",
    ],
)
def test_unknown_route_is_404(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, (response.json or {})["error"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("path", ["//health", "/history//", "/payment//x/release"])
def test_slashes_are_not_merged_and_no_request_is_redirected(client: FlaskClient, path: str) -> None:
    assert client.get("/", environ_overrides={"PATH_INFO": path}).status_code in {200, 404, 405}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/health", {"GET", "HEAD"}),
        ("OPTIONS", "/health", {"GET", "HEAD"}),
        ("GET", "/stripe-webhook", {"POST"}),
        ("GET", f"/payment/{PAYMENT_ID}/release", {"POST"}),
        ("PUT", "/payment/x/status", {"GET", "HEAD"}),
        ("DELETE", "/history/x", {"GET", "HEAD"}),
    ],
)
def test_other_method_answers_405(client: FlaskClient, method: str, path: str, allowed: set[str]) -> None:
    response = client.open(path, method=method)
    assert (response.status_code, (response.json or {})["error"]) == (405, "METHOD_NOT_ALLOWED")
    assert set(response.headers["Allow"].split(", ")) == allowed


def test_ready_names_the_failing_part(client: FlaskClient, world: World) -> None:
    world.fault = Fault("schema", "The schema is old; run: cli.py db upgrade")
    response = client.get("/ready")
    assert response.status_code == 503
    assert response.json == {
        "success": False,
        "error": "NOT_READY",
        "message": "The schema is old; run: cli.py db upgrade",
        "failing": "schema",
    }
    assert "Retry-After" in response.headers


def test_health_does_not_use_the_database(client: FlaskClient, world: World) -> None:
    world.error = Unreachable()
    assert client.get("/health").json == {"status": "healthy"}
    assert world.asked == []


def test_head_has_no_body(client: FlaskClient) -> None:
    response = client.head("/health")
    assert (response.status_code, response.data) == (200, b"")


def test_webhook_is_passed_to_its_use_case(client: FlaskClient, world: World) -> None:
    response = client.post("/stripe-webhook", data="evt_1", headers=SIGNED, content_type="text/plain")
    assert (response.status_code, response.json) == (200, {"received": True})
    assert [event.id for event in world.received] == ["evt_1"]


@pytest.mark.parametrize("headers", [{}, {"Stripe-Signature": "bad"}])
def test_unsigned_webhook_answers_400(client: FlaskClient, world: World, headers: dict[str, str]) -> None:
    response = client.post("/stripe-webhook", data="evt_1", headers=headers)
    assert (response.status_code, (response.json or {})["error"]) == (400, "INVALID_WEBHOOK")
    assert world.asked == []


def test_webhook_answers_503_without_a_configured_secret(world: World) -> None:
    client = app_of(world, stripe_webhook_secret=None).test_client()
    response = client.post("/stripe-webhook", data="evt_1", headers=SIGNED)
    assert (response.status_code, (response.json or {})["error"]) == (503, "WEBHOOKS_NOT_CONFIGURED")
    assert "Retry-After" in response.headers
