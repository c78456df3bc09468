"""Processes log the constraint by which the database refuses a row, and no value of the row."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from devstack.kafka import Kafka
from devstack.processes import Command, ManagedProcess, environment, scratch_directory
from devstack.stripe_simulator.sender import sign
from devstack.topics import Topics, make_topic
from tests.integration.api.conftest import Book
from tests.integration.api.server import ROOT, serving
from tests.integration.consumer.running import produce

pytestmark = pytest.mark.postgres

CARD = "4242424242424242"
WEBHOOK_SECRET, STRIPE_KEY, TOKEN = "whsec_hunter2", "sk_test_hunter2", "token-hunter2"
SECRETS = {"STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET, "STRIPE_SECRET_KEY": STRIPE_KEY, "API_TOKENS": TOKEN}
LOGGED = ["CheckViolation", "23514", "no_cards"]


def _refuse_cards(book: Book, table: str, column: str) -> None:
    with book.engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {table} ADD CONSTRAINT no_cards CHECK ({column} <> '{CARD}')"))


def _assert_logged_without_values(log: str) -> None:
    assert [word for word in (CARD, "hunter2", "DETAIL", "Failing row") if word in log] == []
    assert [word for word in LOGGED if word not in log] == []


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_serve_logs_a_refused_row_without_its_values(database_url: str, book: Book, log_format: str) -> None:
    _refuse_cards(book, "stripe_events", "object_id")
    event: dict[str, Any] = {"id": "evt_1", "type": "customer.created", "data": {"object": {"id": CARD}}}
    payload = json.dumps(event)
    headers = {"Stripe-Signature": sign(payload, WEBHOOK_SECRET, int(time.time()))}
    with serving(database_url, LOG_FORMAT=log_format, **SECRETS) as server:
        answer = server.ask("POST", "/stripe-webhook", "/stripe-webhook", body=payload.encode(), headers=headers)
        assert answer.status == 500
        _assert_logged_without_values(server.log.read_text(encoding="utf-8"))


@pytest.mark.kafka
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_consume_logs_a_refused_row_without_its_values(
    database_url: str, book: Book, kafka: Kafka, topics: Topics, log_format: str
) -> None:
    _refuse_cards(book, "payments", "customer_id")
    make_topic(kafka, topics.commands)
    command = {
        "type": "authorize_payment",
        "correlation_id": "c-1",
        "order_id": "o",
        "customer_id": CARD,
        "amount": 1000,
    }
    produce(kafka, topics.commands, [json.dumps({**command, "payment_method_id": "pm_1", "currency": "sgd"}).encode()])
    with _consuming(database_url, kafka, topics, log_format) as (process, log):
        process.wait_until(lambda: "no_cards" in log.read_text(encoding="utf-8"), 60)
        _assert_logged_without_values(log.read_text(encoding="utf-8"))


@contextmanager
def _consuming(
    database_url: str, kafka: Kafka, topics: Topics, log_format: str
) -> Iterator[tuple[ManagedProcess, Path]]:
    settings = {
        "DATABASE_URL": database_url,
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "LOG_FORMAT": log_format,
        **topics.environment,
        **SECRETS,
    }
    scratch = scratch_directory("errors")
    argv, log = [sys.executable, str(ROOT / "cli.py"), "consume"], scratch / "log"
    process = ManagedProcess(
        Command(name="consume", argv=argv, log=log, cwd=ROOT, scratch=scratch, env=environment(**settings))
    )
    try:
        yield process, log
    finally:
        process.kill()
