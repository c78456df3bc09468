"""SIGHUP: the server reads its secrets again, and no request fails."""

import hashlib
import hmac
import json
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import stripe

from devstack.saga_client import until
from devstack.stripe_simulator.client import SimulatorControl
from service.domain.payment import PaymentStatus
from tests.integration.api.conftest import Book
from tests.integration.api.server import Server, serving
from tests.integration.stripe_simulator.buyer import authorization
from tests.support.acceptance import CHALLENGED
from tests.support.secrets import Roles, SecretFiles, roles_of

pytestmark = pytest.mark.postgres

STATUS = "/payment/{order_id}/status"
PROCESSES = 3
"""The master and two workers."""


@pytest.fixture
def roles(database_url: str) -> Iterator[Roles]:
    with roles_of(database_url) as both:
        yield both


@pytest.fixture
def files(roles: Roles, tmp_path: Path) -> SecretFiles:
    return SecretFiles(
        tmp_path,
        DATABASE_URL=roles.url(roles.old),
        STRIPE_SECRET_KEY="sk_test_old",
        STRIPE_WEBHOOK_SECRET="whsec_old",
        API_TOKENS="saga:old",
    )


@pytest.fixture
def order(book: Book, simulator: SimulatorControl) -> str:
    """An order with a payment whose next action must be read from Stripe."""
    client = stripe.StripeClient("sk_test_x", base_addresses={"api": simulator.base_url})
    intent = client.v1.payment_intents.create(authorization(CHALLENGED))
    book.pay(order_id="order", status=PaymentStatus.REQUIRES_ACTION, stripe_payment_intent_id=intent.id)
    return "order"


@pytest.fixture
def server(files: SecretFiles, simulator: SimulatorControl, roles: Roles) -> Iterator[Server]:
    with serving("", **{**files.environment, "STRIPE_API_BASE": simulator.base_url}) as running:
        yield running


def read(server: Server, order: str, token: str) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    answer = server.ask("GET", f"/payment/{order}/status", STATUS, headers=headers)
    return answer.status, answer.body.get("next_action", {}).get("type")


def deliver(server: Server, secret: str) -> int:
    payload = json.dumps({"id": f"evt_{uuid4().hex}", "type": "customer.created", "data": {"object": {}}}).encode()
    at = int(time.time())
    digest = hmac.new(secret.encode(), f"{at}.".encode() + payload, hashlib.sha256).hexdigest()
    headers = {"Stripe-Signature": f"t={at},v1={digest}"}
    return server.ask("POST", "/stripe-webhook", "/stripe-webhook", body=payload, headers=headers).status


def hang_up(server: Server, event: str, times: int) -> list[dict[str, Any]]:
    """Send SIGHUP. Returns the new log lines about it, one from each process that writes one."""
    before = len(server.lines())
    server.process.send(signal.SIGHUP)

    def lines() -> list[dict[str, Any]] | None:
        found = [line for line in server.lines()[before:] if line["event"] == event]
        return found if len(found) == times else None

    return until(lines, f"{times} lines {event}")


class Load:
    """Callers that read without a break, each on a connection that it keeps."""

    def __init__(self, server: Server, order: str, callers: int = 4) -> None:
        self._over = threading.Event()
        self.answers: list[tuple[int, str]] = []
        self._threads = [threading.Thread(target=self._call, args=(server, order)) for _ in range(callers)]

    def _call(self, server: Server, order: str) -> None:
        connection = server.connect()
        while not self._over.is_set():
            connection.request("GET", f"/payment/{order}/status", headers={"Authorization": "Bearer old"})
            response = connection.getresponse()
            self.answers.append((response.status, json.loads(response.read())["next_action"]["type"]))
        connection.close()

    def more(self, number: int = 40) -> None:
        """Wait for this number of further answers."""
        wanted = len(self.answers) + number
        until(lambda: len(self.answers) >= wanted, "the callers are answered")

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        self.more()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


def test_new_secrets_are_used_and_no_request_fails(
    server: Server, order: str, files: SecretFiles, roles: Roles
) -> None:
    assert server.ask("GET", "/ready", "/ready").status == 200
    assert server.ask("GET", "/metrics", "/metrics").status == 200
    with Load(server, order) as load:
        files.write(
            DATABASE_URL=roles.url(roles.new),
            STRIPE_SECRET_KEY="sk_test_new",
            STRIPE_WEBHOOK_SECRET="whsec_old,whsec_new",
            API_TOKENS="saga:old,saga:new",
        )
        lines = hang_up(server, "secrets_read_again", PROCESSES)
        load.more()
    until(roles.old_is_gone, "no session of the old role is left")
    roles.lock_out(roles.old)
    assert set(load.answers) == {(200, "redirect_to_url")}
    names = ["API_TOKENS", "DATABASE_URL", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"]
    assert [line["renewed"] for line in lines] == [names] * PROCESSES
    assert [deliver(server, secret) for secret in ("whsec_new", "whsec_old")] == [200, 200]
    files.write(API_TOKENS="saga:new", STRIPE_SECRET_KEY="sk_test_expired")
    hang_up(server, "secrets_read_again", PROCESSES)
    assert {read(server, order, "old")[0] for _ in range(8)} == {401}
    assert {read(server, order, "new") for _ in range(8)} == {(200, "unavailable")}, "Stripe refuses the new key"
    secrets = ("sk_test_new", "sk_test_expired", "whsec_old", "whsec_new")  # Stripe's own message has a masked key
    assert not [line for line in server.lines() if any(secret in json.dumps(line) for secret in secrets)]


def test_bad_secret_changes_nothing_and_is_logged(server: Server, order: str, files: SecretFiles) -> None:
    with Load(server, order) as load:
        files.write(STRIPE_SECRET_KEY="", API_TOKENS="saga:new")
        (line,) = hang_up(server, "settings_kept", 1)
        assert line["why"].startswith("STRIPE_SECRET_KEY_FILE: ")
        assert line["why"].endswith(" is empty")
        files.write(
            STRIPE_SECRET_KEY="sk_live_other", DATABASE_URL="postgresql://u:hunter2@elsewhere/x", API_TOKENS="saga:old"
        )
        kept = hang_up(server, "setting_kept", 2 * PROCESSES)
        load.more()
    assert set(load.answers) == {(200, "redirect_to_url")}
    assert {line["name"] for line in kept} == {"DATABASE_URL", "STRIPE_SECRET_KEY"}
    assert not [line for line in server.lines() if "hunter2" in json.dumps(line)]


def test_role_that_the_database_refuses_is_not_adopted(
    server: Server, order: str, files: SecretFiles, roles: Roles
) -> None:
    """Otherwise each session would be given up for one that cannot begin."""
    with Load(server, order) as load:
        files.write(DATABASE_URL=roles.url(roles.new).replace(f":{roles.new}@", ":hunter2@"))
        lines = hang_up(server, "setting_kept", PROCESSES)
        load.more()
    assert set(load.answers) == {(200, "redirect_to_url")}
    assert {line["name"] for line in lines} == {"DATABASE_URL"}
    assert {line["why"].partition(":")[0] for line in lines} == {"the database refuses it"}
    files.write(DATABASE_URL=roles.url(roles.new))
    hang_up(server, "secrets_read_again", PROCESSES)
    until(roles.old_is_gone, "the right password is used")


def test_worker_started_later_has_the_new_secrets(server: Server, order: str, files: SecretFiles) -> None:
    files.write(API_TOKENS="saga:new")
    hang_up(server, "secrets_read_again", PROCESSES)
    before = len([line for line in server.lines() if line["event"].startswith("Booting worker")])
    server.process.send(signal.SIGTTIN)  # gunicorn's signal for one worker more

    def booted() -> bool:
        return len([line for line in server.lines() if line["event"].startswith("Booting worker")]) > before

    until(booted, "a worker more")
    assert {read(server, order, "new")[0] for _ in range(12)} == {200}
