"""The list of webhook endpoints, for keys with and without the permission to read it."""

import json
from typing import Any

import pytest

from devstack.stripe_simulator import webhook_endpoints
from devstack.stripe_simulator.deliveries import Endpoint
from devstack.stripe_simulator.faults import Fault, Kind
from tests.unit.stripe_simulator.conftest import Api


def test_an_account_has_no_endpoint_at_first(api: Api) -> None:
    assert api.get("webhook_endpoints")["data"] == []


def test_webhook_endpoint_is_listed_without_its_secret(api: Api) -> None:
    endpoint = Endpoint("https://pay.example/stripe-webhook", "whsec_hidden", ("refund.created",))
    webhook_endpoints.register(api.simulator.state, [endpoint])
    [listed] = api.get("webhook_endpoints")["data"]
    assert (listed["url"], listed["enabled_events"]) == ("https://pay.example/stripe-webhook", ["refund.created"])
    assert (listed["status"], listed["livemode"]) == ("enabled", False)
    assert "whsec_hidden" not in json.dumps(listed)


def test_webhook_endpoints_can_be_replaced_by_a_test(api: Api) -> None:
    given: list[dict[str, Any]] = [
        {"url": "https://a.example/", "api_version": "2020-08-27", "status": "disabled"},
        {"url": "https://b.example/", "api_version": None, "id": "we_b"},
    ]
    webhook_endpoints.replace(api.simulator.state, given)
    newest, oldest = api.get("webhook_endpoints")["data"]
    assert (newest["id"], newest["api_version"], newest["enabled_events"]) == ("we_b", None, ["*"])
    assert (oldest["api_version"], oldest["status"]) == ("2020-08-27", "disabled")
    assert api.get("webhook_endpoints/we_b") == newest
    with pytest.raises(TypeError):
        webhook_endpoints.replace(api.simulator.state, [{"url": "https://a.example/", "color": "red"}])


def test_restricted_key_may_not_read_webhook_endpoints(api: Api) -> None:
    message = "The provided key does not have the required permissions for this endpoint."
    api.simulator.faults.add(Fault(Kind.REFUSE, "webhook_endpoints.*", status=403, times=None, message=message))
    reply = api.send("GET", "webhook_endpoints")
    assert reply.status == 403
    assert json.loads(reply.body)["error"] == {"message": message, "type": "invalid_request_error"}
    assert api.send("GET", "balance").status == 200
