"""The control API under `/_simulator/`, JSON in and out, for tests and the demo."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from urllib.parse import parse_qsl

from devstack.stripe_simulator import (
    accounts,
    attempts,
    challenge,
    dashboard,
    disputes,
    refunds,
    reviews,
    webhook_endpoints,
)
from devstack.stripe_simulator.deliveries import Deliveries, Endpoint
from devstack.stripe_simulator.errors import RefusedError
from devstack.stripe_simulator.faults import Fault
from devstack.stripe_simulator.sender import Sender
from devstack.stripe_simulator.simulator import Simulator
from devstack.stripe_simulator.state import Actor, RefundEnd
from devstack.stripe_simulator.wire import Json, Reply, Request

_DONE: Json = {"ok": True}


class Control:
    """One method for each request; `respond` finds it."""

    def __init__(self, simulator: Simulator, deliveries: Deliveries, sender: Sender, endpoints: list[Endpoint]) -> None:
        self._simulator = simulator
        self._sender = sender
        self._deliveries = deliveries
        self._endpoints = endpoints
        self._table: dict[tuple[str, str], Callable[[Json], Json]] = {
            ("GET", "health"): lambda _: _DONE,
            ("POST", "reset"): self._reset,
            ("GET", "config"): self._config,
            ("POST", "config"): self._configure,
            ("POST", "endpoints"): self._set_endpoints,
            ("GET", "faults"): lambda _: {"data": simulator.faults.listing()},
            ("POST", "faults"): lambda given: {"id": simulator.faults.add(Fault(**given))},
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "clock"): lambda _: {"now": simulator.clock.now()},
            ("POST", "clock"): self._advance,
            ("GET", "ledger"): lambda given: {"data": simulator.state.ledger.entries(**given)},
            ("GET", "requests"): self._requests,
            ("GET", "webhooks"): lambda _: deliveries.status(),
            ("POST", "webhooks/hold"): self._hold,
            ("POST", "webhooks/release"): lambda given: {"released": deliveries.release(**given)},
            ("POST", "webhooks/deliver_now"): self._deliver_now,
            ("POST", "webhooks/resend"): self._resend,
            ("POST", "dashboard"): lambda given: dashboard.act(simulator.state, **given),
            ("POST", "challenge"): self._challenge,
            ("POST", "accounts"): self._register_account,
            ("POST", "accounts/payout"): self._pay_out,
            ("POST", "accounts/change"): lambda given: accounts.change(simulator.state, **given),
            ("POST", "refunds/settle"): self._settle_refunds,
            ("POST", "refunds/next"): self._plan_refund,
            ("POST", "refunds/finish"): lambda given: refunds.finish(simulator.state, **given),
            ("POST", "captures/finish"): self._finish_capture,
            ("POST", "disputes"): lambda given: disputes.open_(simulator.state, **given),
            ("POST", "disputes/end"): lambda given: disputes.end(simulator.state, **given),
            ("POST", "fraud_warnings"): lambda given: disputes.warn(simulator.state, given["charge_id"]),
            ("POST", "reviews"): lambda given: reviews.open_(simulator.state, **given),
            ("POST", "reviews/close"): lambda given: reviews.close(simulator.state, **given),
            ("POST", "webhook_endpoints"): self._list_endpoints,
            ("POST", "events"): lambda given: simulator.state.emit_as(given.pop("type"), given.pop("object"), **given),
        }

    async def respond(self, request: Request) -> Reply:
        """Answer one request: 404 for an unknown one, 400 with the reason for an invalid one."""
        name = request.path.removeprefix("/_simulator/")
        try:
            given = json.loads(request.body or b"{}") if request.method == "POST" else dict(parse_qsl(request.query))
            if (request.method, name) == ("POST", "webhooks/drain"):
                return _reply(200, await self._drain(given))
            if (method := self._table.get((request.method, name))) is None:
                return _reply(404, {"error": f"no {request.method} {request.path}"})
            return _reply(200, method(given))
        except RefusedError as refusal:
            return refusal.reply()
        except (TypeError, ValueError, KeyError) as error:
            return _reply(400, {"error": f"{type(error).__name__}: {error}"})

    def _reset(self, _given: Json) -> Json:
        self._simulator.reset()
        self._deliveries.reset(self._endpoints)
        webhook_endpoints.register(self._simulator.state, self._endpoints)
        return _DONE

    def _config(self, _given: Json) -> Json:
        simulator = self._simulator
        return {
            "traffic": asdict(simulator.gate.traffic),
            "options": asdict(simulator.state.options),
            "webhooks": asdict(self._deliveries.manner),
        }

    def _configure(self, given: Json) -> Json:
        simulator = self._simulator
        traffic = replace(simulator.gate.traffic, **given.get("traffic", {}))
        options = replace(simulator.state.options, **given.get("options", {}))
        manner = replace(self._deliveries.manner, **given.get("webhooks", {}))
        simulator.gate.shape(traffic)
        simulator.set_options(options)
        self._deliveries.shape(manner)
        return self._config({})

    def _set_endpoints(self, given: Json) -> Json:
        self._endpoints = [
            Endpoint(entry["url"], entry["secret"], tuple(entry.get("events", ["*"]))) for entry in given["endpoints"]
        ]
        self._deliveries.set_endpoints(self._endpoints)
        webhook_endpoints.register(self._simulator.state, self._endpoints)
        return _DONE

    def _list_endpoints(self, given: Json) -> Json:
        return {"data": webhook_endpoints.replace(self._simulator.state, given["endpoints"])}

    def _clear_faults(self, _given: Json) -> Json:
        self._simulator.faults.clear()
        return _DONE

    def _advance(self, given: Json) -> Json:
        self._simulator.advance(float(given["advance"]))
        return {"now": self._simulator.clock.now()}

    def _requests(self, given: Json) -> Json:
        log = self._simulator.log
        return {"counts": log.counts(), "data": log.entries(given.get("operation"))}

    def _hold(self, _given: Json) -> Json:
        self._deliveries.hold()
        return _DONE

    def _deliver_now(self, _given: Json) -> Json:
        self._deliveries.deliver_now()
        return _DONE

    def _resend(self, given: Json) -> Json:
        text = self._simulator.state.events[given["event"]]
        for _ in range(int(given.get("times", 1))):
            self._deliveries.publish(given["event"], json.loads(text)["type"], text)
        return _DONE

    async def _drain(self, given: Json) -> Json:
        drained = await self._sender.drain(float(given.get("timeout", 10.0)))
        return {"drained": drained, **self._deliveries.status()}

    def _challenge(self, given: Json) -> Json:
        state = self._simulator.state
        intent = state.intent(given["payment_intent"])
        challenge.finish(state, intent, succeeded=bool(given.get("succeeded", True)))
        return intent

    def _register_account(self, given: Json) -> Json:
        transfers = bool(given.get("transfers", True))
        return accounts.register(self._simulator.state, given["id"], {}, transfers=transfers)

    def _pay_out(self, given: Json) -> Json:
        accounts.pay_out(self._simulator.state, given["id"])
        return _DONE

    def _plan_refund(self, given: Json) -> Json:
        self._simulator.state.refund_ends.append(RefundEnd(**given))
        return _DONE

    def _finish_capture(self, given: Json) -> Json:
        state = self._simulator.state
        state.actor = Actor("bank")
        intent = state.intent(given["payment_intent"])
        attempts.finish_capture(state, intent, succeeded=bool(given.get("succeeded", True)))
        return intent

    def _settle_refunds(self, _given: Json) -> Json:
        refunds.settle(self._simulator.state)
        return _DONE


def _reply(status: int, body: Json) -> Reply:
    return Reply(status, json.dumps(body).encode())
