"""The record of operators' acts is append-only and whole, and only a failed command is ever reopened."""

from collections.abc import Iterator

import psycopg2
import pytest
from psycopg2.errors import IntegrityError

from tests.integration.core.test_refusals import OTHER, PAYMENT, STANDING, copied

Cursor = psycopg2.extensions.cursor

ACT = """
    INSERT INTO operator_actions (operator, channel, action, payment_id, correlation_id, command_type, reason)
    VALUES ('mira@shell', 'cli', 'payment.revert', '{payment}', 'c-1', 'authorize_payment', 'the runner fell ill');
"""

REOPEN = (
    "UPDATE commands SET state = 'pending', outcome = NULL, completed_at = NULL, next_attempt_at = now(), "
    "reopened = reopened + 1, reopened_at = now() WHERE correlation_id = 'c-2'"
)
UNCOUNTED = REOPEN.replace("reopened = reopened + 1, reopened_at = now()", "attempts = 0")
TWICE = REOPEN.replace("reopened + 1", "reopened + 2")


def outcome(json: str) -> str:
    """An answered command with this outcome, written before the trigger can refuse it."""
    return (
        "UPDATE commands SET state = 'done', completed_at = now(), lease_token = NULL, lease_expires_at = NULL, "
        f"outcome = '{json}' WHERE correlation_id = 'c-2'"
    )


FAILED = outcome('{"type": "payment.failed", "error": "STRIPE_ERROR"}')

REFUSED = [
    ("ck_operator_actions_operator_length", "UPDATE operator_actions SET operator = ''"),
    ("ck_operator_actions_channel_known", "UPDATE operator_actions SET channel = 'phone'"),
    ("ck_operator_actions_action_name", "UPDATE operator_actions SET action = 'revert'"),
    ("ck_operator_actions_correlation_id_length", "UPDATE operator_actions SET correlation_id = ''"),
    ("ck_operator_actions_command_whole", "UPDATE operator_actions SET correlation_id = NULL"),
    ("ck_operator_actions_reason_length", "UPDATE operator_actions SET reason = ''"),
    ("ck_operator_actions_reason_length", "UPDATE operator_actions SET reason = E' \\n '"),
    ("ck_operator_actions_reason_length", "UPDATE operator_actions SET reason = repeat('r', 1001)"),
    ("ck_operator_actions_detail_is_object", "UPDATE operator_actions SET detail = '[]'"),
    ("fk_operator_actions_payment_id_payments", "UPDATE operator_actions SET payment_id = gen_random_uuid()"),
    ("fk_operator_actions_dead_letter_id_dead_letters", "UPDATE operator_actions SET dead_letter_id = -1"),
]
"""Rows that contradict themselves; the trigger, which refuses every change, sleeps meanwhile."""


@pytest.fixture
def cursor(emptied_database: str) -> Iterator[Cursor]:
    connection = psycopg2.connect(emptied_database)
    with connection.cursor() as opened:
        opened.execute(STANDING)
        opened.execute(ACT.format(payment=PAYMENT))
        yield opened
    connection.rollback()
    connection.close()


def refused_by(cursor: Cursor, statement: str) -> str | None:
    with pytest.raises(IntegrityError) as refused:
        cursor.execute(statement)
    return refused.value.diag.constraint_name


@pytest.mark.parametrize(("constraint", "statement"), REFUSED)
def test_act_that_is_not_whole_is_refused_by_a_named_constraint(
    cursor: Cursor, constraint: str, statement: str
) -> None:
    cursor.execute("ALTER TABLE operator_actions DISABLE TRIGGER operator_actions_append_only")
    assert refused_by(cursor, statement) == constraint


@pytest.mark.parametrize(
    ("trigger", "statement"),
    [
        ("operator_actions_append_only", "UPDATE operator_actions SET reason = 'another'"),
        ("operator_actions_append_only", "DELETE FROM operator_actions"),
        ("operator_actions_keep", "TRUNCATE operator_actions"),
    ],
)
def test_record_of_acts_is_append_only(cursor: Cursor, trigger: str, statement: str) -> None:
    assert refused_by(cursor, statement) == trigger


@pytest.mark.parametrize(
    ("constraint", "statement"),
    [
        ("ck_commands_done_says_how", copied("commands", outcome="NULL")),
        ("ck_commands_reopened_is_timed", copied("commands", reopened="1")),
        ("ck_commands_reopened_counts", copied("commands", reopened="-1", reopened_at="now()")),
        ("command_answered", "UPDATE commands SET reopened = 1, reopened_at = now() WHERE state = 'pending'"),
        ("command_answered", "UPDATE commands SET outcome = '{\"type\": \"x\"}' WHERE state = 'done'"),
        ("command_answered", f"{FAILED}; {TWICE}"),
        ("command_answered", f"{FAILED}; {UNCOUNTED}"),
        ("command_answered", outcome('{"type": "payment.failed", "status": "REVERTED"}') + "; " + REOPEN),
        ("command_answered", outcome('{"type": "payment.released"}') + "; " + REOPEN),
    ],
)
def test_answer_is_final(cursor: Cursor, constraint: str, statement: str) -> None:
    """Only a failure is reopened: a revert that succeeded may be called payment.failed, and has a status."""
    assert refused_by(cursor, statement) == constraint


def test_failed_command_is_reopened_as_often_as_it_fails(cursor: Cursor) -> None:
    cursor.execute(FAILED)
    for _ in range(2):
        cursor.execute(REOPEN)
        cursor.execute(FAILED)
    cursor.execute("SELECT reopened FROM commands WHERE payment_id = %s", (OTHER,))
    assert cursor.fetchone() == (2,)
