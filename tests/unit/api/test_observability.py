"""Each request leaves an id, one log line and metrics, and no secret."""

import json
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from prometheus_client import REGISTRY
from pydantic import SecretStr

from runtime import logs
from service.domain.payment import PaymentStatus
from tests.support.loglines import Lines, logging_to_memory
from tests.unit.api.fakes import PAYMENT_ID, Fault, Unreachable, World, a_payment, app_of


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    with logging_to_memory() as written:
        # An earlier test may have bound the modules' own loggers to another stream.
        monkeypatch.setattr("service.api.observability._access", logs.get_logger("service.access"))
        monkeypatch.setattr("service.api.errors._log", logs.get_logger("service.api.errors"))
        yield written


def test_access_log_has_the_route_and_no_values_of_the_request(world: World, lines: Lines) -> None:
    client = app_of(world, api_tokens=SecretStr("saga:s3cret")).test_client()
    client.post(
        f"/payment/{PAYMENT_ID}/revert?secretish=query",
        json={"reason": "bodyish"},
        headers={"Authorization": "Bearer s3cret", "X-Request-Id": "req-1"},
    )
    (line,) = lines()
    assert line.pop("duration_ms") >= 0
    del line["timestamp"]
    assert line == {
        "event": "request",
        "method": "POST",
        "route": "/payment/<payment_id>/revert",
        "status": 202,
        "caller": "saga",
        "request_id": "req-1",
        "level": "info",
        "module": "service.access",
        "process": "service",
    }


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
def test_successful_probe_is_not_logged(client: FlaskClient, lines: Lines, path: str) -> None:
    client.get(path)
    assert lines() == []


def test_failed_probe_is_logged(client: FlaskClient, world: World, lines: Lines) -> None:
    world.fault = Fault("database", "It is down.")
    client.get("/ready")
    assert [line["status"] for line in lines()] == [503]


def test_database_fault_is_logged_without_its_parameters(client: FlaskClient, world: World, lines: Lines) -> None:
    world.error = Unreachable("connection refused\n[parameters: hunter2]")
    client.get("/history/u")
    fault, access = lines()
    assert (fault["event"], fault["reason"]) == ("database_unavailable", "Unreachable: connection refused")
    assert access["status"] == 503


def test_unknown_token_is_not_logged(world: World, lines: Lines) -> None:
    client = app_of(world, api_tokens=SecretStr("s3cret")).test_client()
    client.get("/history/u", headers={"Authorization": "Bearer hunter2"})
    refused, answered = lines()
    assert (refused["event"], answered["status"]) == ("token_refused", 401)
    assert "hunter2" not in json.dumps([refused, answered])
    assert "caller" not in answered


def test_next_action_is_not_logged(client: FlaskClient, world: World, lines: Lines) -> None:
    world.payment = a_payment(status=PaymentStatus.REQUIRES_ACTION)
    world.next_action = {"type": "use_stripe_sdk", "client_secret": "pi_1_secret_hunter2"}
    client.get("/payment/order-1/status")
    assert "hunter2" not in json.dumps(lines())


def test_fault_is_logged_with_its_traceback_under_the_same_request_id(
    client: FlaskClient, world: World, lines: Lines
) -> None:
    world.error = KeyError("boom")
    response = client.get("/history/u")
    fault, access = lines()
    assert "KeyError" in fault["exception"]
    assert fault["request_id"] == access["request_id"] == response.headers["X-Request-Id"]


@pytest.mark.parametrize("given", ["req-1", "a/b:c.d_e+f=g"])
def test_callers_request_id_is_kept(client: FlaskClient, given: str) -> None:
    assert client.get("/health", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "ü"])
def test_invalid_request_id_is_replaced(client: FlaskClient, given: str) -> None:
    found = client.get("/health", headers={"X-Request-Id": given}).headers["X-Request-Id"]
    assert found != given
    assert len(found) == 32


def test_each_request_without_an_id_gets_its_own(client: FlaskClient) -> None:
    assert client.get("/health").headers["X-Request-Id"] != client.get("/nope").headers["X-Request-Id"]


def _count(**labels: str) -> float:
    return REGISTRY.get_sample_value("http_requests_total", labels) or 0


@pytest.mark.parametrize(
    ("method", "path", "labels"),
    [
        ("GET", "/payment/a/status", {"method": "GET", "route": "/payment/<order_id>/status", "status": "200"}),
        ("GET", "/no/such/7", {"method": "GET", "route": "unknown", "status": "404"}),
        ("BREW", "/health", {"method": "other", "route": "unknown", "status": "405"}),
    ],
)
def test_request_metrics_have_few_labels(client: FlaskClient, method: str, path: str, labels: dict[str, str]) -> None:
    before = _count(**labels)
    client.open(path, method=method)
    assert _count(**labels) == before + 1


def test_metrics_are_in_prometheus_text_format(client: FlaskClient) -> None:
    client.get("/history/u")
    text = client.get("/metrics").text
    assert 'http_requests_total{method="GET",route="/history/<user_id>",status="200"}' in text
    assert 'http_request_duration_seconds_bucket{le="0.001",method="GET",route="/history/<user_id>"}' in text
