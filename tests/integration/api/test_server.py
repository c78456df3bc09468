"""The server process starts without its database, survives any bytes from a real socket, and drains."""

import hashlib
import hmac
import json
import re
import signal
import socket
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from sqlalchemy import text

from devstack.ports import free_port
from service.domain.payment import PaymentStatus
from tests.integration.api.conftest import Book
from tests.integration.api.malformed_requests import NO_HTTP
from tests.integration.api.server import Server, answer_of, run_serve, serving

pytestmark = pytest.mark.postgres

WORKERS = 2
LIMIT = 1024 * 1024
SECRET = "whsec_x"
RELEASE = "/payment/{payment_id}/release"
REVERT = "/payment/{payment_id}/revert"
STATUS = "/payment/{order_id}/status"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def database_url(emptied_database: str) -> str:
    return emptied_database


@pytest.fixture(scope="module")
def server(database_of_module: str) -> Iterator[Server]:
    """One server for the tests that neither end nor count it."""
    with serving(database_of_module, STRIPE_WEBHOOK_SECRET=SECRET) as running:
        yield running


@pytest.fixture
def own_server(database_url: str) -> Iterator[Server]:
    with serving(database_url, STRIPE_WEBHOOK_SECRET=SECRET) as running:
        yield running


def _wait_until_refused(server: Server) -> None:
    for _ in range(100_000):
        try:
            socket.create_connection(("127.0.0.1", server.port), 30).close()
        except ConnectionResetError:
            continue  # the kernel had queued it when the listener closed; the next one is refused
        except ConnectionRefusedError:
            return
    pytest.fail("new connections are still taken in")


def _signed(payload: bytes, at: int) -> dict[str, str]:
    digest = hmac.new(SECRET.encode(), f"{at}.".encode() + payload, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={at},v1={digest}"}


def test_server_answers_reads_commands_and_webhooks(server: Server, book: Book) -> None:
    payment_id = book.pay(order_id="a/b c")
    assert server.ask("GET", "/health", "/health").body == {"status": "healthy"}
    assert server.ask("GET", "/ready", "/ready").body == {"status": "ready"}
    assert server.ask("GET", "/payment/a%2Fb%20c/status", STATUS).body["payment"]["paymentId"] == str(payment_id)
    runner = json.dumps({"runner_id": "r", "runner_connect_account_id": "acct_1"})
    headers = {**JSON, "Idempotency-Key": "k"}
    first, second = (
        server.ask("POST", f"/payment/{payment_id}/release", RELEASE, body=runner, headers=headers) for _ in range(2)
    )
    assert (first.status, first.body) == (202, second.body)
    assert server.ask("POST", f"/payment/{payment_id}/revert", REVERT).status == 202
    assert [row.type for row in book.sent()] == ["release_payment", "revert_payment"]
    payload = json.dumps(
        {"id": "evt_1", "object": "event", "type": "customer.created", "data": {"object": {}}}
    ).encode()
    for _ in range(2):
        signed = _signed(payload, int(time.time()))
        answer = server.ask("POST", "/stripe-webhook", "/stripe-webhook", body=payload, headers=signed)
        assert (answer.status, answer.body) == (200, {"received": True})
    late = _signed(payload, int(time.time()) - 301)
    assert server.ask("POST", "/stripe-webhook", "/stripe-webhook", body=payload, headers=late).status == 400
    with book.engine.connect() as connection:
        assert connection.execute(text("SELECT event_id FROM stripe_events")).scalars().all() == ["evt_1"]


def test_unreachable_stripe_fails_no_read(server: Server, book: Book) -> None:
    book.pay(order_id="o", status=PaymentStatus.REQUIRES_ACTION)
    answer = server.ask("GET", "/payment/o/status", STATUS)
    assert (answer.status, answer.body["next_action"]) == (200, {"type": "unavailable"})
    assert answer.headers["Cache-Control"] == "no-store"


def test_chunked_body_has_the_same_limit(server: Server, book: Book) -> None:
    payment_id = book.pay()
    body = json.dumps({"reason": "r"}).encode()
    for length, status in ((len(body), 202), (LIMIT, 202), (LIMIT + 1, 413), (2 * LIMIT, 413)):
        padded = body + b" " * (length - len(body))
        chunks = iter([padded[at : at + 65536] for at in range(0, length, 65536)])
        answer = server.ask("POST", f"/payment/{payment_id}/revert", REVERT, body=chunks, headers=JSON)
        assert answer.status == status, length


def test_client_receives_the_refusal_of_a_large_body(server: Server) -> None:
    """The client is still sending, so an immediate close would give it a reset and no answer."""
    connection = server.connect()
    connection.request("POST", f"/payment/{uuid4()}/revert", body=b" " * (8 * LIMIT), headers=JSON)
    answer = answer_of(connection, "POST", REVERT)
    assert (answer.status, answer.headers["Connection"]) == (413, "close")
    connection.close()


def test_client_that_expects_100_continue_receives_it(server: Server, book: Book) -> None:
    head = f"POST /payment/{book.pay()}/revert HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), 30) as connection:
        connection.sendall(head.encode())
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"{}")
        assert connection.recv(65536).startswith(b"HTTP/1.1 202 ")


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    both = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), 30) as connection:
        connection.sendall(both)
        received = b"".join(iter(partial(connection.recv, 65536), b""))
    assert re.findall(rb"HTTP/1\.1 (\d+)", received) == [b"200", b"404"]


def test_truncated_body_does_not_count_as_empty(server: Server, book: Book) -> None:
    payment_id = book.pay()
    with socket.create_connection(("127.0.0.1", server.port), 30) as connection:
        connection.sendall(
            f"POST /payment/{payment_id}/revert HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\n".encode()
        )
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    assert book.sent() == []


def test_malformed_http_is_answered_in_the_common_error_form(server: Server) -> None:
    for request, status in NO_HTTP:
        with socket.create_connection(("127.0.0.1", server.port), 30) as connection:
            connection.sendall(request)
            received = b"".join(iter(partial(connection.recv, 65536), b""))
        head, _, body = received.partition(b"\r\n\r\n")
        assert int(head.split()[1]) == status
        assert set(json.loads(body)) == {"success", "error", "message"}


def test_log_and_headers_name_the_service_and_no_query(server: Server) -> None:
    answer = server.ask("GET", "/history/u?x=queryish", "/history/{user_id}", headers={"X-Request-Id": "r-1"})
    assert answer.headers["Server"] == "payment-service"
    (line,) = [line for line in server.lines() if line.get("request_id") == "r-1"]
    assert (line["route"], line["process"]) == ("/history/<user_id>", "service")
    assert "queryish" not in server.log.read_text(encoding="utf-8")


def test_server_requires_a_token(database_url: str) -> None:
    with serving(database_url, API_TOKENS="saga:s3cret") as server:
        assert server.ask("GET", "/history/u", "/history/{user_id}").status == 401
        opened = server.ask("GET", "/history/u", "/history/{user_id}", headers={"Authorization": "Bearer s3cret"})
        assert opened.status == 200
        assert "s3cret" not in server.log.read_text(encoding="utf-8")


def test_server_starts_without_its_database_and_reports_it() -> None:
    with serving(f"postgresql://u:hunter2@127.0.0.1:{free_port()}/none", STRIPE_WEBHOOK_SECRET=SECRET) as server:
        assert server.ask("GET", "/health", "/health").status == 200
        ready = server.ask("GET", "/ready", "/ready")
        assert (ready.status, ready.body["failing"]) == (503, "database")
        assert server.ask("GET", "/payment/o/status", STATUS).status == 503
        assert server.ask("POST", f"/payment/{uuid4()}/revert", REVERT).status == 503
        payload = json.dumps({"id": "e", "object": "event", "type": "t", "data": {"object": {}}}).encode()
        signed = _signed(payload, int(time.time()))
        assert server.ask("POST", "/stripe-webhook", "/stripe-webhook", body=payload, headers=signed).status == 503
        assert "hunter2" not in server.log.read_text(encoding="utf-8")


def test_dead_database_connection_fails_at_most_one_request_per_worker(own_server: Server, book: Book) -> None:
    book.pay(order_id="o")
    assert own_server.ask("GET", "/payment/o/status", STATUS).status == 200
    with book.engine.begin() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    answers = [own_server.ask("GET", "/payment/o/status", STATUS).status for _ in range(20)]
    assert answers.count(503) <= WORKERS
    assert answers.count(200) >= len(answers) - WORKERS


def test_sigterm_finishes_running_requests_and_accepts_no_others(own_server: Server, book: Book) -> None:
    payment_id = book.pay()
    idle, working = own_server.connect(), own_server.connect()
    idle.request("GET", "/health")
    answer_of(idle, "GET", "/health")
    with book.engine.begin() as holder:
        holder.execute(text("SELECT 1 FROM payments FOR UPDATE"))
        working.request("POST", f"/payment/{payment_id}/revert")
        book.wait_for_a_lock()
        own_server.process.send(signal.SIGTERM)
        _wait_until_refused(own_server)
    assert answer_of(working, "POST", REVERT).status == 202
    assert own_server.process.wait(30) == 0
    assert len(book.sent()) == 1
    idle.close()
    working.close()


def test_server_leaves_no_files_behind(database_url: str, tmp_path: Path) -> None:
    with serving(database_url, TMPDIR=str(tmp_path)) as server:
        server.ask("GET", "/history/u", "/history/{user_id}")
        (worker, *_) = psutil.Process(server.process.pid).children()
        directories = {Path(each.path).parent for each in worker.memory_maps() if "payment-service-" in each.path}
        assert [directory.is_dir() for directory in directories] == [True]
        assert server.process.stop() == 0
    assert not any(directory.exists() for directory in directories)
    assert list(tmp_path.iterdir()) == []


def test_occupied_port_stops_the_server_and_is_named(server: Server, database_url: str) -> None:
    other = run_serve(database_url, PORT=str(server.port))
    assert other.returncode == 2
    (line,) = other.stderr.splitlines()
    assert line == f"HOST, PORT: cannot listen on 127.0.0.1, port {server.port}: Address already in use"
