"""The simulated Stripe account behind its API, without sockets, threads or sleep.

A request passes three steps: `begin` admits it, `execute` runs the endpoint, `finish` gives the reply. The caller
waits between them for the latencies in the ticket. One thread drives the simulator at a time.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable

from devstack.stripe_simulator import auth, disputes, errors, fault_errors, form, intents, refunds, routes
from devstack.stripe_simulator.clock import Clock
from devstack.stripe_simulator.errors import InvalidParameterError, RefusedError
from devstack.stripe_simulator.expand import expand
from devstack.stripe_simulator.faults import Faults, Kind
from devstack.stripe_simulator.idempotency import Keys, fingerprint
from devstack.stripe_simulator.request_log import Logged, RequestLog
from devstack.stripe_simulator.state import Actor, Call, Options, Publish, State
from devstack.stripe_simulator.subject import subject_intent
from devstack.stripe_simulator.ticket import Ticket
from devstack.stripe_simulator.traffic import Gate
from devstack.stripe_simulator.wire import Json, Reply, Request

_BEFORE_EXECUTION = frozenset({401, 403})
"""A refused API key has executed nothing, so no result is stored ("Idempotent requests")."""


class Simulator:
    """Stripe for one account. Everything is in memory; `reset` forgets it."""

    def __init__(
        self,
        publish: Publish,
        *,
        seed: int | None = None,
        clock: Clock | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._publish = publish
        self._monotonic = monotonic
        self._rng = random.Random(seed)
        self.clock = clock or Clock()
        self.reset()

    def reset(self) -> None:
        """Forget every object, key, fault and setting."""
        self.clock.reset()
        self.state = State(self.clock, self._publish, self._rng)
        self.keys = Keys(self.clock)
        self.faults = Faults(self._rng)
        self.log = RequestLog()
        self.gate = Gate(self._monotonic)

    def set_options(self, options: Options) -> None:
        """Change the account's settings."""
        self.state.options = options

    def advance(self, seconds: float) -> None:
        """Move the clock: holds expire, pending refunds end, idempotency keys age."""
        self.clock.advance(seconds)
        intents.expire_holds(self.state)
        disputes.begin_planned(self.state)
        refunds.settle(self.state)

    def handle(self, request: Request) -> Reply:
        """All three steps without waiting."""
        ticket = self.begin(request)
        self.execute(ticket)
        return self.finish(ticket)

    def begin(self, request: Request) -> Ticket:
        """Admit a request: key, route, rate, faults, idempotency, parameters, locks."""
        intents.expire_holds(self.state)
        ticket = Ticket(request, self.state.new_id("req_", 14))
        ticket.latency_before = self.gate.traffic.latency_before
        ticket.latency_after = self.gate.traffic.latency_after
        try:
            self._admit(ticket)
        except RefusedError as refusal:
            ticket.reply = refusal.reply()
            ticket.replayed = False
        return ticket

    def execute(self, ticket: Ticket) -> None:
        """Run the endpoint, unless the ticket has an answer already. Stores the answer under the key."""
        if ticket.reply is not None:
            return
        self.state.actor = Actor("api", ticket.id, ticket.key)
        try:
            ticket.reply = self._run(ticket)
        except InvalidParameterError as refusal:
            ticket.reply = refusal.reply()
            self._forget_key(ticket)
            return
        except RefusedError as refusal:
            ticket.reply = refusal.reply()
            if refusal.status in _BEFORE_EXECUTION:
                self._forget_key(ticket)
                return
        if ticket.outcome is not None and ticket.outcome.kind is Kind.ERROR_AFTER:
            ticket.reply = errors.internal().reply()
        if ticket.holds_key and ticket.key is not None:
            self.keys.store(ticket.key, ticket.reply)

    def finish(self, ticket: Ticket) -> Reply:
        """The reply; releases the key and the intent."""
        if ticket.holds_key and ticket.key is not None:
            self.keys.release(ticket.key)
        if ticket.locks is not None:
            self.gate.unlock(ticket.locks)
        reply = self._with_headers(ticket)
        self._log(ticket, reply)
        return reply

    def _admit(self, ticket: Ticket) -> None:
        request = ticket.request
        auth.authenticate(request)
        ticket.api_version = auth.api_version(request, ticket.api_version)
        ticket.operation, path = routes.find(request.method, request.path)
        self.log.count(ticket.operation.name)
        given = form.decode(request.body.decode(errors="replace") if request.method == "POST" else request.query)
        if request.method == "POST":
            ticket.key = request.headers.get("idempotency-key")
        subject = subject_intent(self.state, path, given)
        ticket.reply = self._look_up(ticket)
        self._strike(ticket, given, subject)
        if ticket.replayed:
            return
        if "stripe-account" in request.headers:
            raise errors.unsupported("Stripe-Account")
        ticket.call = Call(ticket.operation.check(given, ticket.api_version), path, request.base_url)
        if subject is not None and request.method == "POST" and self.gate.lock(subject["id"]):
            ticket.locks = subject["id"]
        if ticket.key is not None:
            self.keys.reserve(ticket.key, ticket.fingerprint, ticket.id)
            ticket.holds_key = True

    def _look_up(self, ticket: Ticket) -> Reply | None:
        if ticket.key is None:
            return None
        ticket.fingerprint = fingerprint(ticket.request)
        reply = self.keys.look_up(ticket.key, ticket.fingerprint)
        ticket.replayed = reply is not None
        return reply

    def _strike(self, ticket: Ticket, given: Json, subject: Json | None) -> None:
        self.gate.admit()
        name = ticket.operation.name if ticket.operation else ""
        metadata = _metadata(given, subject)
        ticket.struck = self.faults.strike(name, metadata, executing=not ticket.replayed)
        for fault in ticket.struck:
            ticket.latency_before += fault.seconds if fault.kind is Kind.LATENCY_BEFORE else 0.0
            ticket.latency_after += fault.seconds if fault.kind is Kind.LATENCY_AFTER else 0.0
        fault_errors.before_start(ticket.outcome, ticket.key or "")

    def _run(self, ticket: Ticket) -> Reply:
        operation, call = ticket.operation, ticket.call
        if operation is None or call is None:
            raise RuntimeError("the request was not admitted")
        fault_errors.instead(ticket.outcome)
        body = operation.handler(self.state, call)
        return Reply(200, json.dumps(expand(self.state, body, call.params.get("expand", []))).encode())

    def _forget_key(self, ticket: Ticket) -> None:
        if ticket.holds_key and ticket.key is not None:
            self.keys.forget(ticket.key)
            ticket.holds_key = False

    def _with_headers(self, ticket: Ticket) -> Reply:
        reply = ticket.reply
        if reply is None:
            raise RuntimeError("the request was not executed")
        headers = {"Request-Id": ticket.id, "Stripe-Version": ticket.api_version, **reply.headers}
        if ticket.key is not None:
            headers["Idempotency-Key"] = ticket.key
        outcome = ticket.outcome
        drop = outcome is not None and outcome.kind in (Kind.DROP_BEFORE, Kind.DROP_AFTER)
        return Reply(reply.status, reply.body, headers, drop=drop)

    def _log(self, ticket: Ticket, reply: Reply) -> None:
        entry = Logged(
            operation=ticket.operation.name if ticket.operation else "unknown",
            method=ticket.request.method,
            path=ticket.request.path,
            idempotency_key=ticket.key,
            request_id=ticket.id,
            status=reply.status,
            replayed=ticket.replayed,
            dropped=reply.drop,
            faults=tuple(fault.kind for fault in ticket.struck),
            at=self.clock.now(),
        )
        self.log.add(entry)


def _metadata(given: Json, subject: Json | None) -> dict[str, str]:
    own = given.get("metadata")
    return {**(subject["metadata"] if subject else {}), **(own if isinstance(own, dict) else {})}
