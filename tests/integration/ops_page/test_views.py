"""Each view of the operators' page, with something in it and with nothing."""

from urllib.parse import quote
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from service.storage.engine import make_engine
from service.usecases.operations.desk import Desk
from tests.integration.ops_page.conftest import TOKEN, House, page_of, page_text
from tests.integration.ops_page.scene import FAILED, HOSTILE, UNANSWERED

pytestmark = pytest.mark.postgres

VIEWS = (
    "/ops",
    "/ops/payments",
    "/ops/search",
    "/ops/commands",
    "/ops/dead-letters",
    "/ops/relay",
    "/ops/owed",
    "/ops/actions",
)


def test_views_of_an_empty_database_are_pages(database_url: str) -> None:
    engine = make_engine(database_url, 1)
    client = page_of(engine, Desk(engine, engine)).test_client()
    client.post("/ops/login", data={"token": TOKEN})
    for path in VIEWS:
        assert "<h1>" in page_text(client, path)
    engine.dispose()


def test_the_overview_has_health_work_and_lag(house: House, operator: FlaskClient) -> None:
    for _ in range(2):
        house.desk.history.sample()
    house.desk.read_owed()
    page = page_text(operator, "/ops")
    assert "no relay leads" in page
    assert "commands that wait after a fault: 1" in page
    assert "no answer from Stripe, oldest command 9 min" in page
    assert "2 messages wait" in page
    assert "<polyline" in page
    assert "INVALID_PAYLOAD" in page
    assert "Nobody is owed money" in page


def test_a_gap_names_the_transaction_that_holds_it(house: House, operator: FlaskClient) -> None:
    house.core.sql("UPDATE relay_checkpoints SET ranges = jsonb_build_array(jsonb_build_array(low + 2, low + 2))")
    with house.core.database.connect() as writer:
        pid = writer.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        writer.exec_driver_sql(
            "INSERT INTO outbox (event_id, topic, key, type, value, headers) "
            "VALUES (gen_random_uuid(), 't', 'k', 'x', '{}', '[]')"
        )
        page = page_text(operator, "/ops/relay")
        assert f"<td>{pid}</td>" in page
        assert f"process {pid}, " in page_text(operator, "/ops")
        writer.rollback()
    house.core.sql("UPDATE relay_checkpoints SET ranges = '[]'")


@pytest.mark.parametrize(
    "words",
    ["order-released", "saga-released", "saga-released-done", "payment_id", "pi", "ch", "tr", "evt", "event_id"],
)
def test_a_payment_is_found_by_any_id(house: House, operator: FlaskClient, words: str) -> None:
    payment = house.scene.released
    row = house.core.payment(payment)
    ids = {
        "payment_id": str(payment),
        "pi": row["stripe_payment_intent_id"],
        "ch": row["stripe_charge_id"],
        "tr": row["stripe_transfer_id"],
        "evt": house.core.sql("SELECT event_id FROM stripe_events WHERE payment_id = :p", p=payment)[0]["event_id"],
        "event_id": house.core.sql("SELECT event_id FROM outbox WHERE key = :k", k=str(payment))[0]["event_id"],
    }
    answer = operator.get("/ops/search", query_string={"q": ids.get(words, words)})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/ops/payments/{payment}")


def test_a_command_about_no_payment_is_found(house: House, operator: FlaskClient) -> None:
    house.core.release(UUID(int=7), "saga-nowhere")
    assert "/ops/command?id=saga-nowhere" in page_text(operator, "/ops/search?q=saga-nowhere")
    assert "release_payment" in page_text(operator, "/ops/command?id=saga-nowhere&type=release_payment")


def test_many_payments_of_a_customer_are_listed(operator: FlaskClient) -> None:
    assert "6 payments have the id customer-1" in page_text(operator, "/ops/search?q=customer-1")
    assert "No payment has the id nobody" in page_text(operator, "/ops/search?q=nobody")


def test_a_payments_timeline_has_every_kind_of_record(house: House, operator: FlaskClient) -> None:
    page = page_text(operator, f"/ops/payments/{house.scene.released}")
    row = house.core.payment(house.scene.released)
    for found in (
        *("authorize_payment accepted", "release_payment answered", "hold", "capture", "transfer", "SUCCEEDED"),
        *("payment_intent.amount_capturable_updated", "evt_", "payment.released", "sequence 2", "published"),
        *(row["stripe_payment_intent_id"], row["stripe_transfer_id"], "15.00 SGD", "saga-released-done"),
    ):
        assert found in page
    for lane in ("Command", "Stripe", "Webhook", "Money", "Status", "Outbox", "Kafka"):
        assert f">{lane}</text>" in page


def test_payments_are_listed_by_status_and_age(house: House, operator: FlaskClient) -> None:
    held = str(house.scene.held)
    assert held in page_text(operator, "/ops/payments?status=AUTHORIZED")
    assert held not in page_text(operator, "/ops/payments?status=FAILED")
    assert held not in page_text(operator, "/ops/payments?status=AUTHORIZED&older=2h")
    assert held in page_text(operator, "/ops/payments?status=AUTHORIZED&customer=customer-1&order=oldest")


def test_commands_and_dead_letters_are_listed(house: House, operator: FlaskClient) -> None:
    assert UNANSWERED in page_text(operator, "/ops/commands?fault=yes&older=5m")
    assert "No command fits" in page_text(operator, "/ops/commands?fault=yes&older=1d")
    assert "No command fits" in page_text(operator, "/ops/commands?type=revert_payment")
    assert "STRIPE_ERROR" in page_text(operator, f"/ops/command?id={FAILED}&type=release_payment")
    letters = page_text(operator, f"/ops/dead-letters?reason={quote(HOSTILE)}")
    assert f"/ops/dead-letters/{house.scene.letters[2]}" in letters
    assert f"/ops/dead-letters/{house.scene.letters[0]}" not in letters


@pytest.mark.parametrize("path", ["/ops", "/ops/payments", "/ops/dead-letters", "/ops/search?q=customer-1"])
def test_text_from_outside_stayspage_text(operator: FlaskClient, path: str) -> None:
    answer = operator.get(path).text
    assert "&lt;script&gt;" in answer
    assert "<script>alert" not in answer
    assert "\u202e" not in answer


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/ops/payments/{UUID(int=1)}", 404),
        ("/ops/payments/x", 404),
        ("/ops/dead-letters/99", 404),
        (f"/ops/dead-letters/{2**80}", 404),
        ("/ops/command?id=x&type=release_payment", 404),
        ("/ops/command?id=x&type=x", 404),
        ("/ops/command", 404),
        ("/ops/payments?status=x", 400),
        ("/ops/payments?older=x", 400),
        ("/ops/payments?older=99999999d", 400),
        ("/ops/commands?older=99999999d", 400),
        (f"/ops/payments?after=9999-12-31T23:59:59-23:59_{UUID(int=1)}", 400),
        (f"/ops/payments?after=0001-01-01T00:00:00%2B23:59_{UUID(int=1)}", 400),
        ("/ops/payments?after=x", 400),
        ("/ops/payments?after=2026-01-01_x", 400),
        ("/ops/search?q=%00", 400),
        (f"/ops/search?q={'x' * 10_000}", 200),
        ("/ops/commands?skip=-1", 400),
        ("/ops/commands?skip=999999999999999999", 200),
        ("/ops/dead-letters?state=x", 400),
        ("/ops/dead-letters?below=0", 200),
        ("/ops/actions?below=x", 400),
        ("/ops?hours=x", 200),
    ],
)
def test_rubbish_is_answered_with_a_sentence(operator: FlaskClient, path: str, status: int) -> None:
    answer = operator.get(path)
    assert answer.status_code == status, answer.text


def test_the_overview_has_the_last_run_of_each_audit(house: House, operator: FlaskClient) -> None:
    assert "No payment audit has run" in page_text(operator, "/ops")
    house.core.sql(
        "INSERT INTO audits (kind, finished_at, since, compared, differences) VALUES "
        "('payment', now() - interval '3 h', now() - interval '1 d', 7, 0), "
        "('outbox', now() - interval '2 d', now() - interval '3 d', 9, 4)"
    )
    page = page_text(operator, "/ops")
    house.core.sql("DELETE FROM audits")
    assert "The last payment audit ended 3 h ago. No difference is open." in page
    assert "The last outbox audit ended 2 d ago. 4 differences are open. An audit since" in page
