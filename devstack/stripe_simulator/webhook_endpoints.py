"""Webhook endpoints as the account lists them ("The Webhook Endpoint object").

The list contains the receivers of events. A test may replace it by other endpoints, which receive no events.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stripe import api_version as library_api_version

from devstack.stripe_simulator.deliveries import Endpoint
from devstack.stripe_simulator.state import Call, State, found
from devstack.stripe_simulator.wire import Json


def register(state: State, endpoints: Iterable[Endpoint]) -> None:
    """List the receivers of events."""
    replace(state, [{"url": endpoint.url, "enabled_events": endpoint.events} for endpoint in endpoints])


def replace(state: State, endpoints: Iterable[Json]) -> list[Json]:
    """Replace the list by these, oldest first. Raises TypeError for a field that an endpoint does not have."""
    made = [_new(state, **endpoint) for endpoint in endpoints]
    state.webhook_endpoints = {endpoint["id"]: endpoint for endpoint in made}
    return made


def retrieve(state: State, call: Call) -> Json:
    """GET /v1/webhook_endpoints/:webhook_endpoint"""
    id_ = call.path["webhook_endpoint"]
    return found(state.webhook_endpoints, id_, "webhook endpoint", "webhook_endpoint", status=404)


def _new(
    state: State,
    *,
    url: str,
    enabled_events: Sequence[str] = ("*",),
    api_version: str | None = library_api_version,
    status: str = "enabled",
    livemode: bool = False,
    description: str | None = None,
    application: str | None = None,
    id: str | None = None,
) -> Json:
    return {
        "id": id or state.new_id("we_1"),
        "object": "webhook_endpoint",
        "api_version": api_version,
        "application": application,
        "created": state.clock.stamp(),
        "description": description,
        "enabled_events": list(enabled_events),
        "livemode": livemode,
        "metadata": {},
        "status": status,
        "url": url,
    }
