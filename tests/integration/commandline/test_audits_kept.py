"""Each audit keeps the result of its last run, and every process shows it at /metrics."""

from datetime import timedelta
from uuid import UUID

import psycopg2
import pytest
from prometheus_client import CollectorRegistry

from service.storage.latest_figures import LatestFigures
from service.usecases.database_metrics import DatabaseMetrics
from tests.integration.commandline.auditing import Books

pytestmark = pytest.mark.postgres

PAYMENT = {"audit": "payment"}


def shown(books: Books, name: str) -> float | None:
    """A figure about the payment audit, as a process shows it at its first scrape."""
    registry = CollectorRegistry()
    registry.register(DatabaseMetrics(LatestFigures(books.database_url, patience_seconds=30)))
    return registry.get_sample_value(f"payment_audit_{name}", PAYMENT)


def test_metrics_show_no_audit_before_the_first_run(books: Books) -> None:
    assert shown(books, "differences") is None
    assert shown(books, "age_seconds") is None


def test_differences_of_a_payment_audit_are_shown_until_a_run_covers_its_window(books: Books, paid: UUID) -> None:
    books.core.stripe.dashboard("refund", books.core.intent(paid), amount=1)
    found = books.differ()
    assert shown(books, "differences") == 1
    (row,) = books.core.sql("SELECT kind, since, until, compared, differences, repaired FROM audits")
    window = {name: row[name].strftime("%Y-%m-%dT%H:%M:%S") for name in ("since", "until")}
    assert all(found["window"][name].startswith(moment) for name, moment in window.items())
    assert (row["kind"], row["compared"], row["differences"], row["repaired"]) == ("payment", 1, 1, 0)
    books.core.hear()
    narrower = (row["since"] + timedelta(seconds=1)).isoformat()
    said = books.run("--since", narrower).stderr.splitlines()[-1]
    assert said.startswith("an earlier run found 1, and this window does not cover it; ")
    assert shown(books, "differences") == 1
    books.agree("--since", said.rpartition(" ")[2])
    assert shown(books, "differences") == 0


def test_the_age_is_that_of_the_last_audit_by_the_databases_clock(books: Books, paid: UUID) -> None:
    books.agree()
    books.agree()
    first = "id = (SELECT min(id) FROM audits)"
    books.core.sql(f"UPDATE audits SET finished_at = finished_at - interval '27 h' WHERE {first}")
    assert 0 <= (shown(books, "age_seconds") or -1) < 3600
    books.core.sql("UPDATE audits SET finished_at = now() - interval '27 h'")
    assert 27 * 3600 <= (shown(books, "age_seconds") or -1) < 28 * 3600


def test_an_audit_whose_result_the_database_refuses_says_so_and_ends_alike(
    books: Books, paid: UUID, reader: str
) -> None:
    books.core.stripe.dashboard("refund", books.core.intent(paid), amount=1)
    result = books.run("--json", code=1, DATABASE_URL=reader)
    assert '"what": "missing_here"' in result.stdout
    assert result.stderr.splitlines()[-1] == (
        "the result is not kept for metrics and alerts: database: permission denied for table audits"
    )
    assert books.core.sql("SELECT id FROM audits") == []


def test_an_audit_of_a_read_only_database_keeps_nothing_and_says_so(books: Books, paid: UUID) -> None:
    read_only = "options=-c%20default_transaction_read_only%3Don&target_session_attrs=any"
    result = books.run(code=0, DATABASE_URL=f"{books.database_url}?{read_only}")
    assert "payments compared: 1; differences: 0; under way: 0" in result.stdout
    assert result.stderr.splitlines()[-1].startswith("the result is not kept for metrics and alerts: database: ")
    assert books.core.sql("SELECT id FROM audits") == []


def test_an_audit_that_stripe_does_not_answer_keeps_nothing(
    books: Books, paid: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.gateway.books.PAUSES", ())
    books.core.stripe.fault("drop_before", "disputes.list", times=None)
    books.run(code=1)
    assert books.core.sql("SELECT id FROM audits") == []


@pytest.mark.parametrize(
    ("constraint", "kind", "compared"), [("ck_audits_kind_known", "taxes", 1), ("ck_audits_counts", "payment", -1)]
)
def test_the_database_refuses_a_wrong_result(database_url: str, constraint: str, kind: str, compared: int) -> None:
    with psycopg2.connect(database_url) as session, session.cursor() as cursor:
        with pytest.raises(psycopg2.IntegrityError) as refused:
            cursor.execute(
                "INSERT INTO audits (kind, since, compared, differences) VALUES (%s, now(), %s, 0)", (kind, compared)
            )
        assert refused.value.diag.constraint_name == constraint
        session.rollback()
    session.close()
