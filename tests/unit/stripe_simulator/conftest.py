"""The simulator's core without HTTP, on a clock that only tests move."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest

from devstack.stripe_simulator.clock import Clock
from devstack.stripe_simulator.simulator import Simulator
from devstack.stripe_simulator.wire import Reply, Request

START = 1_800_000_000.0
NO_REDIRECTS = {
    "automatic_payment_methods[enabled]": "true",
    "automatic_payment_methods[allow_redirects]": "never",
}


@dataclass
class Api:
    """One client of the account, and the events that the account sent to its webhooks."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    ticks: list[float] = field(default_factory=lambda: [0.0])

    def __post_init__(self) -> None:
        self.simulator = Simulator(self._publish, seed=1, clock=Clock(lambda: START), monotonic=lambda: self.ticks[0])

    def _publish(self, _id: str, type_: str, text: str) -> None:
        self.events.append((type_, json.loads(text)))

    def request(self, method: str, path: str, params: dict[str, Any] | None = None, **headers: str) -> Request:
        encoded = urlencode(params or {})
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Request(
            method,
            f"/v1/{path}",
            encoded if method == "GET" else "",
            {"authorization": "Bearer sk_test_unit", **named},
            encoded.encode() if method == "POST" else b"",
        )

    def send(self, method: str, path: str, params: dict[str, Any] | None = None, **headers: str) -> Reply:
        return self.simulator.handle(self.request(method, path, params, **headers))

    def post(self, path: str, params: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
        """A POST that must succeed."""
        return _body(self.send("POST", path, params, **headers))

    def get(self, path: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """A GET that must succeed."""
        return _body(self.send("GET", path, params))

    def refused(self, status: int, path: str, params: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
        """The error body of a POST that must be refused."""
        reply = self.send("POST", path, params, **headers)
        assert reply.status == status, reply.body
        error: dict[str, Any] = json.loads(reply.body)["error"]
        return error

    def authorize(self, card: str = "pm_card_visa", **params: Any) -> dict[str, Any]:
        """An intent created and confirmed with manual capture."""
        return self.post("payment_intents", self.authorization(card, **params))

    @staticmethod
    def authorization(card: str = "pm_card_visa", **params: Any) -> dict[str, Any]:
        basic = {"amount": 2000, "currency": "sgd", "capture_method": "manual", "confirm": "true"}
        return {**basic, "payment_method": card, **NO_REDIRECTS, **params}

    def captured(self, amount: int = 2000) -> dict[str, Any]:
        """A captured intent."""
        return self.post(f"payment_intents/{self.authorize(amount=amount)['id']}/capture")

    def types(self) -> list[str]:
        return [type_ for type_, _ in self.events]

    def effects(self) -> list[tuple[str, int]]:
        return [(entry["effect"], entry["amount"]) for entry in self.simulator.state.ledger.entries()]


def _body(reply: Reply) -> dict[str, Any]:
    assert reply.status == 200, reply.body
    body: dict[str, Any] = json.loads(reply.body)
    return body


@pytest.fixture
def api() -> Api:
    return Api()
