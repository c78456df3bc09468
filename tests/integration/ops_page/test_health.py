"""What the page says at night: which part holds work up, who does it, and where the runbook goes on."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from service.storage import operator_sessions
from service.storage.engine import FOR_COMMANDS, make_engine
from service.storage.operator_session import records
from service.usecases.operations.desk import Desk
from tests.integration.ops_page.conftest import TOKEN, House, page_of, page_text
from tests.integration.ops_page.scene import FAILED

pytestmark = pytest.mark.postgres


@pytest.fixture
def everything_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator_sessions, "OLD_SECONDS", 0)
    monkeypatch.setattr(operator_sessions, "MOMENT_SECONDS", 0)


@pytest.fixture
def consumer(house: House) -> Iterator[None]:
    """A consumer's session."""
    engine = make_engine(house.core.settings.database_url.get_secret_value(), 1, FOR_COMMANDS)
    with engine.connect():
        yield
    engine.dispose()


def test_a_consumer_that_is_not_there_is_a_fault(database_url: str) -> None:
    engine = make_engine(database_url, 1)
    client = page_of(engine, Desk(engine, engine)).test_client()
    client.post("/ops/login", data={"token": TOKEN})
    page = page_text(client, "/ops")
    engine.dispose()
    assert "none is connected to the database, and nobody reads commands" in page
    assert "Start cli.py consume. Runbook: “No consumer has joined”." in page


def _old_message(house: House) -> int:
    """A revert that a caller queued a minute ago; its position."""
    row = house.core.sql(
        "INSERT INTO outbox (event_id, topic, key, type, value, headers, created_at) VALUES (:event, 't', 'k', "
        "'revert_payment', '{}', '[[\"correlation_id\", \"c-unread\"]]', now() - interval '1 min') RETURNING position",
        event=str(uuid4()),
    )[0]
    position: int = row["position"]
    return position


@pytest.mark.usefixtures("consumer")
def test_a_command_that_nobody_accepts_is_a_fault(house: House, operator: FlaskClient) -> None:
    assert "none is connected" not in page_text(operator, "/ops")
    house.core.sql("UPDATE relay_checkpoints SET low = :low", low=_old_message(house))
    page = page_text(operator, "/ops")
    assert "published for over 30 s, and not accepted by a consumer: 1 command" in page


@pytest.mark.usefixtures("everything_is_old", "consumer")
def test_who_locks_a_payment_is_named(house: House, operator: FlaskClient) -> None:
    held = house.scene.held
    assert "is locked" not in page_text(operator, f"/ops/payments/{held}")
    with house.core.database.connect() as stranger:
        stranger.execute(text("SET application_name = 'psql of otto'"))
        stranger.execute(text("SELECT FROM payments WHERE payment_id = :id FOR UPDATE"), {"id": held})
        pid = records(stranger, text("SELECT pg_backend_pid() AS pid"))[0]["pid"]
        overview, payment = (page_text(operator, path) for path in ("/ops", f"/ops/payments/{held}"))
        stranger.rollback()
    assert f"transactions left open: 1, process {pid} (psql of otto), idle in transaction" in overview
    assert "The row of this payment is locked" in payment
    for page in (overview, payment):
        assert f"<td>{pid}</td>" in page
        assert f"SELECT pg_terminate_backend({pid})" in page
        assert "Runbook: “A payment's row is locked”" in page


@pytest.mark.usefixtures("consumer")
def test_a_relay_that_leads_and_publishes_nothing_points_to_kafka(house: House, operator: FlaskClient) -> None:
    leader = make_engine(house.core.settings.database_url.get_secret_value(), 1, FOR_COMMANDS)
    house.core.sql(
        "UPDATE relay_checkpoints SET low = :low, updated_at = now() - interval '50 s'", low=_old_message(house) - 1
    )
    with leader.connect() as relay:
        relay.execute(text("SET application_name = 'relay: leader'"))
        relay.execute(text("SELECT pg_advisory_lock(1)"))
        page = page_text(operator, "/ops")
    leader.dispose()
    assert "one leads, and Kafka has taken nothing from it for 50 s" in page
    assert "but commands in Kafka may not reach it" in page
    assert "Runbook: “Kafka is away”" in page


def test_old_holds_are_on_the_overview_with_their_age_in_the_list(house: House, operator: FlaskClient) -> None:
    assert "Holds near their end" in page_text(operator, "/ops")
    old = house.core.authorize("saga-old", "order-old")
    with house.core.database.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for change in (
            "UPDATE payments SET created_at = '2026-01-01Z' WHERE payment_id = :id",
            "UPDATE payment_transitions SET at = '2026-01-02Z' WHERE payment_id = :id",
        ):
            connection.execute(text(change), {"id": old})
    page = page_text(operator, "/ops")
    assert "1 payment is authorized for over 6 d" in page
    assert "2026-01-02 00:00:00" in page_text(operator, "/ops/payments?status=AUTHORIZED&older=6d&order=oldest")


@pytest.mark.usefixtures("consumer")
def test_a_refused_key_is_not_a_silent_stripe(house: House, operator: FlaskClient) -> None:
    assert "Runbook: “Stripe does not answer”" in page_text(operator, "/ops")
    house.core.stripe.fault("refuse", status=401, code="api_key_expired", message="Expired API Key provided")
    house.core.authorize("saga-expired", "order-expired")
    house.core.stripe.clear_faults()
    page = page_text(operator, "/ops")
    assert "1 × Stripe refused our API key" in page
    assert "Runbook: “Stripe refuses the key”" in page


def test_an_outcome_has_no_empty_fields(operator: FlaskClient) -> None:
    done = page_text(operator, "/ops/command?id=saga-released&type=authorize_payment")
    failed = page_text(operator, f"/ops/command?id={FAILED}&type=release_payment")
    assert "<dt>Outcome</dt><dd>payment.authorized</dd>" in done
    assert "<dt>Error</dt>" not in done
    assert "<dt>Error</dt><dd>STRIPE_ERROR</dd>" in failed
