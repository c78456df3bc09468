"""Webhooks and status reads a second, beside a bare Flask route with one statement."""

import hashlib
import hmac
import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.figures import Reach, Result, Row, Series, per_round, percentile
from bench.http_load import Answered, request, send
from bench.scale import Scale
from bench.servers import Servers, query
from devstack.application import Application, StackInfo
from devstack.ports import accepts_connections, free_port
from devstack.processes import Command, ManagedProcess, scratch_directory
from devstack.service_process import ROOT, overlaid

WORKERS = 2
_WARM_UP = 400
_START_SECONDS = 30.0

_PAYMENTS = """
    INSERT INTO payments (payment_id, order_id, customer_id, amount, currency, status, authorize_correlation_id,
        stripe_payment_intent_id)
    SELECT gen_random_uuid(), 'order-' || n, 'customer-' || n %% 100, 1500, 'sgd', 'AUTHORIZED', 'c-' || n, 'pi_' || n
    FROM generate_series(1, %s) AS n
"""

Make = Callable[[StackInfo, int], bytes]
"""The n-th request."""


def _read(info: StackInfo, number: int) -> bytes:
    return request("GET", f"/payment/order-{number + 1}/status", {"Authorization": f"Bearer {info.api_token}"})


def _noted(info: StackInfo, number: int) -> bytes:
    return _webhook(info, "charge.updated", {"id": f"ch_{number}", "description": "x" * 300})


def _captured(info: StackInfo, number: int) -> bytes:
    intent = {"id": f"pi_{number + 1}", "status": "succeeded", "amount": 1500, "currency": "sgd", "metadata": {}}
    return _webhook(info, "payment_intent.succeeded", intent | {"capture_method": "manual", "description": "x" * 200})


def _webhook(info: StackInfo, kind: str, subject: dict[str, object]) -> bytes:
    event = {"id": f"evt_{secrets.token_hex(12)}", "object": "event", "type": kind, "created": int(time.time())}
    body = json.dumps(event | {"data": {"object": subject}}).encode()
    now = int(time.time())
    signed = hmac.new(info.stripe_webhook_secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "Stripe-Signature": f"t={now},v1={signed}"}
    return request("POST", "/stripe-webhook", headers, body)


_KINDS: tuple[tuple[str, Make, Reach | None], ...] = (
    ("status read", _read, Reach(0.5)),
    ("webhook, recorded", _noted, Reach(0.5)),
    ("webhook, changes a payment", _captured, None),
)


def measure(servers: Servers, scale: Scale) -> Result:
    """Ours and the bare one in turn, on one database."""
    found: dict[tuple[str, bool], list[Answered]] = {
        (kind, ours): [] for kind, _, _ in _KINDS for ours in (True, False)
    }
    with servers.database() as url, _served(servers, url) as (info, ports):
        query(url, _PAYMENTS, _WARM_UP + scale.rounds * scale.requests)
        query(url, "ANALYZE payments")
        for number in range(-1, scale.rounds):
            for kind, make, _ in _KINDS:
                for ours, port in ports.items():
                    answered = _load(info, port, make, number, scale)
                    if number >= 0:
                        found[kind, ours].append(answered)
    rows = [row for kind, _, reach in _KINDS for row in _rows(kind, found[kind, True], found[kind, False], reach)]
    return Result(tuple(rows), (f"{WORKERS} workers of 10 threads each, 8 connections, {scale.requests:,} requests.",))


def _rows(kind: str, ours: list[Answered], bare: list[Answered], reach: Reach | None) -> tuple[Row, Row]:
    beside = "bare INSERT" if kind.startswith("webhook") else "bare SELECT"
    return (
        Row(_rates(kind, ours), _rates(beside, bare), reach),
        Row(_slowest(f"{kind}, p99", ours), _slowest(f"{beside}, p99", bare)),
    )


def _rates(name: str, rounds: list[Answered]) -> Series:
    return per_round(name, "/s", [answered.rate for answered in rounds])


def _slowest(name: str, rounds: list[Answered]) -> Series:
    return per_round(name, "ms", [1000 * percentile(answered.seconds, 0.99) for answered in rounds])


def _load(info: StackInfo, port: int, make: Make, number: int, scale: Scale) -> Answered:
    """Round -1 warms up. Each round has payments of its own, which are changed once."""
    first = _WARM_UP + number * scale.requests if number >= 0 else 0
    count = scale.requests if number >= 0 else _WARM_UP
    return send(port, [make(info, first + n) for n in range(count)])


@contextmanager
def _served(servers: Servers, url: str) -> Iterator[tuple[StackInfo, dict[bool, int]]]:
    """Ports of our service (True) and of the bare one (False)."""
    application = Application(database_url=url, kafka=servers.kafka, environment={"WORKERS": str(WORKERS)})
    directory, port = scratch_directory("bare"), free_port()
    environment = overlaid(os.environ, {"DATABASE_URL": url, "WORKERS": str(WORKERS)})
    try:
        application.start(["serve"])
        argv = [sys.executable, "-m", "bench.bare_app", str(port)]
        bare = ManagedProcess(
            Command(name="bare", argv=argv, log=directory / "bare.log", env=environment, cwd=ROOT, scratch=directory)
        )
        try:
            bare.wait_until(lambda: accepts_connections("127.0.0.1", port), _START_SECONDS)
            yield application.info, {True: application.services["serve"].port, False: port}
        finally:
            bare.stop()
    finally:
        application.close()
        shutil.rmtree(directory, ignore_errors=True)
