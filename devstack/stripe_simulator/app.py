"""The simulator's HTTP interface: Stripe's API, the 3-D Secure page, the control API."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import parse_qs

from devstack.stripe_simulator import challenge, webhook_endpoints
from devstack.stripe_simulator.control import Control
from devstack.stripe_simulator.deliveries import Deliveries, Endpoint
from devstack.stripe_simulator.errors import RefusedError
from devstack.stripe_simulator.sender import Sender
from devstack.stripe_simulator.simulator import Simulator
from devstack.stripe_simulator.wire import Reply, Request

CONTROL_PREFIX = "/_simulator/"
CHALLENGE_PREFIX = "/3d_secure/"
_PAGE = """<!doctype html><title>3-D Secure</title><h1>Test bank: authenticate this payment</h1>
<form method="post"><button formaction="?outcome=succeed">Complete</button>
<button formaction="?outcome=fail">Fail</button></form>"""
_OUTCOMES = {"succeed": True, "fail": False}


class App:
    """Answers requests after the simulated latencies."""

    def __init__(self, endpoints: list[Endpoint], *, seed: int | None = None) -> None:
        deliveries = Deliveries()
        deliveries.set_endpoints(endpoints)
        self.simulator = Simulator(deliveries.publish, seed=seed)
        webhook_endpoints.register(self.simulator.state, endpoints)
        self.sender = Sender(deliveries)
        self._control = Control(self.simulator, deliveries, self.sender, endpoints)

    async def respond(self, request: Request) -> Reply:
        """Answer one request."""
        if request.path.startswith(CONTROL_PREFIX):
            return await self._control.respond(request)
        if request.path.startswith(CHALLENGE_PREFIX):
            return self._challenge(request)
        return await self._api(request)

    async def _api(self, request: Request) -> Reply:
        ticket = self.simulator.begin(request)
        if ticket.latency_before:
            await asyncio.sleep(ticket.latency_before)
        self.simulator.execute(ticket)
        if ticket.latency_after:
            await asyncio.sleep(ticket.latency_after)
        return self.simulator.finish(ticket)

    def _challenge(self, request: Request) -> Reply:
        """The bank's page. A browser shows the choice; a program passes `outcome`, or succeeds by default."""
        browser = "text/html" in request.headers.get("accept", "")
        given = parse_qs(request.query).get("outcome", [None])[0]
        if given is None and request.method == "GET" and browser:
            return Reply(200, _PAGE.encode(), content_type="text/html")
        if (succeeded := _OUTCOMES.get(given or "succeed")) is None:
            return Reply(400, b'{"error": {"message": "outcome is succeed or fail"}}')
        try:
            intent = self.simulator.state.intent(request.path.removeprefix(CHALLENGE_PREFIX))
            back = challenge.finish(self.simulator.state, intent, succeeded=succeeded)
        except RefusedError as refusal:
            return refusal.reply()
        if browser and back:
            return Reply(303, b"", {"Location": back})
        body = {"payment_intent": intent["id"], "status": intent["status"], "return_url": back}
        return Reply(200, json.dumps(body).encode())
