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
from typing import NamedTuple

import psutil

from bench.figures import Reach, Result, Row, per_round, percentile
from bench.http_load import request, send
from bench.profile import processor_seconds
from bench.scale import Scale
from bench.servers import Servers, query
from devstack.application import Application, StackInfo
from devstack.ports import accepts_connections, free_port
from devstack.processes import Command, ManagedProcess, ProcessFailedError, scratch_directory
from devstack.service_process import ROOT, overlaid

WORKERS = 2
_WARM_UP = 400
_START_SECONDS = 30.0
_SLOWEST = Reach(2.0, at_most=True)

_PAYMENTS = """
    INSERT INTO payments (payment_id, order_id, customer_id, amount, currency, status, authorize_correlation_id,
        stripe_payment_intent_id)
    SELECT gen_random_uuid(), 'order-' || n, 'customer-' || n %% 100, 1500, 'sgd', 'AUTHORIZED', 'c-' || n, 'pi_' || n
    FROM generate_series(%s, %s) AS n
"""

Make = Callable[[StackInfo, int], bytes]
"""The n-th request."""


def _read(info: StackInfo, number: int) -> bytes:
    return request("GET", f"/payment/order-{number + 1}/status", {"Authorization": f"Bearer {info.api_token}"})


def noted(info: StackInfo, number: int) -> bytes:
    """A signed webhook that is recorded without effect."""
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
    ("webhook, recorded", noted, Reach(0.5)),
    ("webhook, changes a payment", _captured, None),
)


class _Server(NamedTuple):
    port: int
    process: ManagedProcess


class _Found(NamedTuple):
    """The result of one round of one server."""

    rate: float
    """Requests a second."""
    slowest: float
    """Milliseconds of the 99th percentile."""
    processor: float
    """Processor time of the server's processes for each request, in milliseconds, without PostgreSQL's."""


def measure(servers: Servers, scale: Scale) -> Result:
    """Measure our server and the bare one in turn, on one database."""
    found: dict[tuple[str, bool], list[_Found]] = {(kind, ours): [] for kind, *_ in _KINDS for ours in (True, False)}
    with servers.database() as url, _served(servers, url) as (info, both):
        # Unique numbers, because the database may contain other rows.
        start = secrets.randbelow(10**9) * 10**6
        query(url, _PAYMENTS, start + 1, start + _WARM_UP + scale.rounds * scale.requests)
        query(url, "ANALYZE payments")
        for number in range(-1, scale.rounds):
            numbers = _numbers(start, number, scale)
            for kind, make, _ in _KINDS:
                for ours, server in both.items():
                    round_ = _load(server, [make(info, each) for each in numbers])
                    if number >= 0:
                        found[kind, ours].append(round_)
    rows = [row for kind, _, reach in _KINDS for row in _rows(kind, found[kind, True], found[kind, False], reach)]
    return Result(tuple(rows), (f"{WORKERS} workers of 10 threads each, 8 connections, {scale.requests:,} requests.",))


def _rows(kind: str, ours: list[_Found], bare: list[_Found], reach: Reach | None) -> tuple[Row, ...]:
    beside = "bare INSERT" if kind.startswith("webhook") else "bare SELECT"

    def row(figure: str, unit: str, of: Callable[[_Found], float], reach: Reach | None) -> Row:
        pair = [per_round(name + figure, unit, [of(one) for one in rounds]) for name, rounds in named]
        return Row(pair[0], pair[1], reach)

    named = ((kind, ours), (beside, bare))
    return (
        row("", "/s", lambda one: one.rate, reach),
        row(", p99", "ms", lambda one: one.slowest, None if reach is None else _SLOWEST),
        row(", processor", "ms CPU/request", lambda one: one.processor, None),
    )


def _numbers(start: int, number: int, scale: Scale) -> range:
    """The numbers of a round; round -1 warms up. Each round has its own payments, which change once."""
    if number < 0:
        return range(start, start + _WARM_UP)
    first = start + _WARM_UP + number * scale.requests
    return range(first, first + scale.requests)


def _load(server: _Server, requests: list[bytes]) -> _Found:
    try:
        used = processor_seconds(server.process.pid)
        answered = send(server.port, requests)
        processor = 1000 * (processor_seconds(server.process.pid) - used) / len(requests)
    except (OSError, EOFError, psutil.NoSuchProcess) as error:
        state = "runs" if server.process.running else f"has ended with {server.process.wait(0)}"
        name = server.process.command.name
        raise ProcessFailedError(f"{name}, which {state}, broke off: {error!r}\n{server.process.log_tail()}") from error
    return _Found(answered.rate, 1000 * percentile(answered.seconds, 0.99), processor)


@contextmanager
def _served(servers: Servers, url: str) -> Iterator[tuple[StackInfo, dict[bool, _Server]]]:
    """Our service (True) and the bare one (False)."""
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
            ours = application.services["serve"]
            yield application.info, {True: _Server(ours.port, ours.run), False: _Server(port, bare)}
        finally:
            bare.stop()
    finally:
        application.close()
        shutil.rmtree(directory, ignore_errors=True)
