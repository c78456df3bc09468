"""Wrong states that no writer can store: a named constraint refuses each of them."""

from collections.abc import Iterator

import psycopg2
import pytest
from psycopg2.errors import IntegrityError

from service.storage.models import Base

Cursor = psycopg2.extensions.cursor

PAYMENT = "00000000-0000-0000-0000-000000000001"
OTHER = "00000000-0000-0000-0000-000000000002"

STANDING = f"""
    INSERT INTO payments (payment_id, order_id, customer_id, amount, currency, status, authorize_correlation_id,
        stripe_payment_intent_id, stripe_charge_id, stripe_transfer_id, stripe_reversal_id, stripe_refund_id,
        captured_at, event_sequence)
    VALUES ('{PAYMENT}', 'order-1', 'c', 1500, 'sgd', 'REVERTED', 'c-1', 'pi_1', 'ch_1', 'tr_1', 'trr_1', 're_1',
            now(), 2),
        ('{OTHER}', 'order-2', 'c', 1500, 'sgd', 'SUCCEEDED', 'c-2', 'pi_2', 'ch_2', 'tr_2', 'trr_2', 're_2', now(), 0);
    INSERT INTO movements (kind, proof, payment_id, amount, currency, by_us, cause, happened_at)
    VALUES ('hold', 'ch_2', '{OTHER}', 1500, 'sgd', true, 'test', now()),
        ('capture', 'ch_2', '{OTHER}', 1500, 'sgd', true, 'test', now()),
        ('transfer', 'tr_2', '{OTHER}', 1500, 'sgd', true, 'test', now());
    INSERT INTO payment_transitions (payment_id, from_status, to_status, cause)
    VALUES ('{PAYMENT}', 'INITIATING', 'AUTHORIZED', 'test');
    INSERT INTO commands (correlation_id, command_type, fingerprint, payload, payment_id, state, recovery_point,
        outcome, completed_at)
    VALUES ('c-1', 'authorize_payment', sha256(''), '{{}}', '{PAYMENT}', 'done', 'answered', '{{}}', now());
    INSERT INTO commands (correlation_id, command_type, fingerprint, payload, payment_id, state, recovery_point,
        next_attempt_at, lease_token, lease_expires_at)
    VALUES ('c-2', 'release_payment', sha256(''), '{{}}', '{OTHER}', 'pending', 'accepted', now(),
        gen_random_uuid(), now());
    INSERT INTO outbox (event_id, topic, key, type, sequence, value, headers, position) OVERRIDING SYSTEM VALUE
    SELECT gen_random_uuid(), 'payment_events', '{PAYMENT}', 'payment.authorized', n, '{{}}', '[]', 10 + n
    FROM generate_series(1, 3) n;
    INSERT INTO relay_checkpoints (relay, low, system_identifier, timeline) VALUES ('a', 12, 1, 1), ('b', 13, 1, 1);
    INSERT INTO stripe_events (event_id, type, result) VALUES ('evt_1', 'charge.updated', 'ignored');
    INSERT INTO dead_letters (reason, topic, partition, "offset") VALUES ('NOT_JSON', 'payment_commands', 0, 0);
    INSERT INTO request_keys (route, payment_id, idempotency_key, fingerprint, correlation_id)
    VALUES ('release_payment', '{PAYMENT}', 'key', sha256(''), 'c-3');
"""
"""Correct rows: an ended payment, a paid one, and their other rows."""

COPIED = {
    "payments": {
        "payment_id": "gen_random_uuid()",
        "order_id": "'order-9'",
        "stripe_payment_intent_id": "'pi_9'",
        "stripe_charge_id": "'ch_9'",
        "stripe_transfer_id": "'tr_9'",
        "stripe_reversal_id": "'trr_9'",
        "stripe_refund_id": "'re_9'",
    },
    "payment_transitions": {"id": "-1"},
    "commands": {"correlation_id": "'c-9'", "arrival": "99"},
    "movements": {"kind": "'refund'", "proof": "'re_9'"},
    "outbox": {"event_id": "gen_random_uuid()", "position": "99", "sequence": "99"},
}
"""Columns that every copy of a correct row changes, so that only the tested change is wrong."""


def copied(table: str, **changes: str) -> str:
    """The SQL that copies a correct row with these changes."""
    values = COPIED[table] | changes
    model = Base.metadata.tables[table]
    names = [column.name for column in model.columns if column.name != "xid"]
    taken = ", ".join(values.get(name, name) for name in names)
    first = f"SELECT {taken} FROM {table} ORDER BY {', '.join(model.primary_key.columns.keys())} LIMIT 1"
    return f"INSERT INTO {table} ({', '.join(names)}) OVERRIDING SYSTEM VALUE {first}"


REFUSED = [
    # One effect at Stripe in two payments
    *(
        (f"uq_payments_stripe_{what}_id", f"UPDATE payments SET stripe_{what}_id = '{id_}' WHERE order_id = 'order-2'")
        for what, id_ in [("charge", "ch_1"), ("transfer", "tr_1"), ("reversal", "trr_1"), ("refund", "re_1")]
    ),
    # Accepted facts that are changed later
    *(
        ("payment_fixed", f"UPDATE payments SET {change} WHERE order_id = 'order-2'")
        for change in [
            "amount = 15000",
            "currency = 'usd'",
            "order_id = 'order-3'",
            "customer_id = 'd'",
            "authorize_correlation_id = 'c-9'",
            "payment_id = gen_random_uuid()",
        ]
    ),
    ("payment_intent_fixed", "UPDATE payments SET stripe_payment_intent_id = 'pi_9'"),
    ("payment_intent_fixed", "UPDATE payments SET stripe_payment_intent_id = NULL"),
    ("payment_sequence", "UPDATE payments SET event_sequence = 1 WHERE order_id = 'order-1'"),
    ("payment_transition", "UPDATE payments SET status = 'AUTHORIZED' WHERE order_id = 'order-2'"),
    # Payments that contradict themselves
    ("ck_payments_event_sequence_counts", copied("payments", event_sequence="-1")),
    ("ck_payments_status_has_intent", copied("payments", stripe_payment_intent_id="NULL", status="'AUTHORIZED'")),
    ("ck_payments_order_id_length", copied("payments", order_id="''")),
    ("ck_payments_customer_id_length", copied("payments", customer_id="''")),
    ("ck_payments_authorize_correlation_id_length", copied("payments", authorize_correlation_id="''")),
    ("ck_payments_amount_positive", copied("payments", amount="0")),
    ("ck_payments_currency_code", copied("payments", currency="'SGD'")),
    ("ck_payments_status_known", copied("payments", status="'HELD'")),
    ("ck_payments_transfer_after_capture", copied("payments", captured_at="NULL", stripe_reversal_id="NULL")),
    ("ck_payments_reversal_of_transfer", copied("payments", stripe_transfer_id="NULL")),
    ("ck_payments_failed_says_why", copied("payments", status="'FAILED'")),
    ("ck_payments_intent_id_of_stripe", copied("payments", stripe_payment_intent_id="'seti_9'")),
    ("ck_payments_charge_id_of_stripe", copied("payments", stripe_charge_id="'pi_9'")),
    ("ck_payments_transfer_id_of_stripe", copied("payments", stripe_transfer_id="'trr_9'")),
    ("ck_payments_reversal_id_of_stripe", copied("payments", stripe_reversal_id="'tr_9'")),
    ("ck_payments_refund_id_of_stripe", copied("payments", stripe_refund_id="'ch_9'")),
    # Impossible transitions
    ("ck_payment_transitions_status_known", copied("payment_transitions", to_status="'HELD'")),
    ("ck_payment_transitions_status_known", copied("payment_transitions", from_status="'HELD'")),
    ("ck_payment_transitions_status_changes", copied("payment_transitions", to_status="from_status")),
    ("ck_payment_transitions_cause_told", copied("payment_transitions", cause="''")),
    ("payment_transitions_append_only", "UPDATE payment_transitions SET cause = 'other'"),
    # Commands
    ("ck_commands_type_known", "UPDATE commands SET command_type = 'x' WHERE state = 'pending'"),
    ("ck_commands_type_known", "UPDATE commands SET command_type = 'x' WHERE state = 'done'"),
    ("ck_commands_own_names_its_payment", "UPDATE commands SET command_type = 'cancel_hold' WHERE state = 'pending'"),
    ("ck_commands_open_has_payment", "UPDATE commands SET payment_id = NULL WHERE state = 'pending'"),
    ("ck_commands_outcome_when_done", "UPDATE commands SET outcome = '{}' WHERE state = 'pending'"),
    ("ck_commands_attempts_count", "UPDATE commands SET attempts = -1"),
    ("ck_commands_key_generation_counts", "UPDATE commands SET key_generation = -1"),
    ("ck_commands_recovery_point_told", "UPDATE commands SET recovery_point = ''"),
    ("ck_commands_fingerprint_length", "UPDATE commands SET fingerprint = 'x'"),
    ("ck_commands_revert_event_type_known", "UPDATE commands SET revert_event_type = 'payment.gone'"),
    ("ck_commands_payload_is_object", "UPDATE commands SET payload = '[]'"),
    ("ck_commands_correlation_id_length", "UPDATE commands SET correlation_id = ''"),
    ("ck_commands_lease_whole", "UPDATE commands SET lease_expires_at = NULL WHERE state = 'pending'"),
    ("ck_commands_lease_only_while_pending", "UPDATE commands SET state = 'waiting' WHERE state = 'pending'"),
    ("ck_commands_done_is_timed", "UPDATE commands SET completed_at = NULL WHERE state = 'done'"),
    ("ck_commands_open_is_scheduled", "UPDATE commands SET next_attempt_at = NULL WHERE state = 'pending'"),
    (
        "ck_commands_state_known",
        "UPDATE commands SET state = 'over', lease_token = NULL, lease_expires_at = NULL WHERE lease_token IS NOT NULL",
    ),
    # Movements of money, and their sums
    ("payment_sums", "UPDATE payments SET refunded = 1"),
    ("payment_sums", f"UPDATE payments SET captured = 0 WHERE payment_id = '{OTHER}'"),
    ("movement_sums", copied("movements", currency="'usd'")),
    ("movement_sums", copied("movements", kind="'reversal'", proof="'trr_9'", currency="'usd'")),
    ("movements_append_only", "UPDATE movements SET amount = 1"),
    ("movements_append_only", "DELETE FROM movements"),
    ("movements_keep", "TRUNCATE movements"),
    ("pk_movements", copied("movements", kind="'hold'", proof="'ch_2'", payment_id=f"'{PAYMENT}'::uuid")),
    ("ck_payments_sums_above_zero", copied("movements", kind="'hold_gone'", proof="'ch_9'")),
    ("ck_payments_refunded_of_captured", copied("movements", amount="1501")),
    ("ck_payments_reversed_of_transferred", copied("movements", kind="'reversal'", proof="'trr_9'", amount="1501")),
    ("ck_payments_transfer_known", f"UPDATE payments SET transfer_amount = 1 WHERE payment_id = '{PAYMENT}'"),
    ("ck_movements_proof_of_kind", copied("movements", kind="'gift'", proof="'du_9'")),
    ("movement_sums", copied("movements", payment_id="gen_random_uuid()")),
    ("ck_payments_new_movements_filed", copied("payments", new_movements="'[]'")),
    ("ck_movements_amount_positive", copied("movements", amount="0")),
    ("ck_movements_currency_code", copied("movements", currency="'SGD'")),
    ("ck_movements_cause_told", copied("movements", cause="''")),
    ("ck_movements_proof_of_kind", copied("movements", kind="'transfer'")),
    # Outbox rows that no relay can publish, or that are deleted too early
    ("ck_outbox_headers_are_list", copied("outbox", headers='\'{"ce_id": "1"}\'')),
    ("ck_outbox_headers_are_list", copied("outbox", headers="'null'")),
    ("ck_outbox_topic_name", copied("outbox", topic="''")),
    ("ck_outbox_topic_name", copied("outbox", topic="'payment events'")),
    ("ck_outbox_topic_name", copied("outbox", topic="repeat('t', 250)")),
    ("ck_outbox_type_told", copied("outbox", type="''")),
    ("ck_outbox_sequence_counts", copied("outbox", sequence="0")),
    ("ck_outbox_position_counts", copied("outbox", position="0")),
    ("ck_outbox_key_size", copied("outbox", key="repeat('k', 2049)")),
    ("ck_outbox_value_size", copied("outbox", value="repeat('v', 67108865)")),
    ("outbox_append_only", "UPDATE outbox SET topic = 'elsewhere'"),
    ("outbox_unpublished", "DELETE FROM outbox WHERE position = 13"),
    ("outbox_unpublished", "DELETE FROM outbox WHERE position <= 12"),
    ("outbox_unpublished", "DELETE FROM outbox"),
    # Webhooks, dead letters, idempotency keys
    ("ck_stripe_events_event_id_told", "UPDATE stripe_events SET event_id = ''"),
    ("ck_stripe_events_type_told", "UPDATE stripe_events SET type = ''"),
    ("ck_stripe_events_result_told", "UPDATE stripe_events SET result = ''"),
    ("ck_dead_letters_reason_told", "UPDATE dead_letters SET reason = ''"),
    ("ck_dead_letters_resolved_is_timed", "UPDATE dead_letters SET state = 'retried'"),
    ("ck_request_keys_route_told", "UPDATE request_keys SET route = ''"),
    ("ck_request_keys_idempotency_key_told", "UPDATE request_keys SET idempotency_key = ''"),
    ("ck_request_keys_correlation_id_length", "UPDATE request_keys SET correlation_id = ''"),
    # Whole tables
    *(
        (f"{table}_keep", f"TRUNCATE {table} CASCADE")
        for table in ("outbox", "payment_transitions", "commands", "stripe_events", "dead_letters", "request_keys")
    ),
    ("payments_keep", "TRUNCATE payments CASCADE"),
]


@pytest.fixture
def cursor(emptied_database: str) -> Iterator[Cursor]:
    connection = psycopg2.connect(emptied_database)
    with connection.cursor() as opened:
        opened.execute(STANDING)
        yield opened
    connection.rollback()
    connection.close()


@pytest.mark.parametrize(("constraint", "statement"), REFUSED)
def test_wrong_state_is_refused_by_a_named_constraint(cursor: Cursor, constraint: str, statement: str) -> None:
    with pytest.raises(IntegrityError) as refused:
        cursor.execute(statement)
    assert refused.value.diag.constraint_name == constraint


def test_correct_copy_is_accepted(cursor: Cursor) -> None:
    """Without this, the cases above might be refused for another reason."""
    for table in COPIED:
        cursor.execute(f"SELECT count(*) FROM {table}")
        before = cursor.fetchone()
        cursor.execute(copied(table))
        cursor.execute(f"SELECT count(*) - 1 FROM {table}")
        assert cursor.fetchone() == before


def test_rows_below_every_resume_point_may_be_deleted(cursor: Cursor) -> None:
    cursor.execute("DELETE FROM outbox WHERE position < 12")
    assert cursor.rowcount == 1


def test_refused_command_of_an_unknown_type_is_stored(cursor: Cursor) -> None:
    cursor.execute(
        "INSERT INTO commands (correlation_id, command_type, fingerprint, payload, state, recovery_point, completed_at)"
        " VALUES ('c-8', 'pay_twice', sha256(''), '{}', 'done', 'answered', now())"
    )


def test_identities_are_compared_byte_by_byte(cursor: Cursor) -> None:
    """Byte order does not change with an update of the operating system or of ICU."""
    cursor.execute(
        "SELECT c.relname, a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        "JOIN pg_attribute a ON a.attrelid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = 'public' AND a.attcollation NOT IN (0, 'pg_catalog.\"C\"'::regcollation) "
        "AND c.relname <> 'alembic_version_pkc'"
    )
    assert cursor.fetchall() == []
