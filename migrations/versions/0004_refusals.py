"""Constraints against wrong states, and an order of text that no system update changes.

Identifiers are compared byte by byte. The order of a language changes with the version of the operating system or of
ICU, and a unique index in the old order accepts the same text twice (PostgreSQL documentation, "ALTER COLLATION", notes
on version mismatches). Code before this revision works with it.

Revision ID: 0004
Revises: 0003
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import op
from sqlalchemy import Connection

from service.storage.online import briefly, build_index, has_constraint, validate

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

LIVE = "status IN ('AUTHORIZED', 'INITIATING', 'REQUIRES_ACTION', 'SUCCEEDED')"
STATUSES = "('INITIATING', 'REQUIRES_ACTION', 'AUTHORIZED', 'SUCCEEDED', 'FAILED', 'REVERTED')"
TYPES = "('authorize_payment', 'release_payment', 'revert_payment', 'cancel_hold')"

IDENTITIES = {
    "payments": (
        *("order_id", "customer_id", "runner_id", "stripe_payment_intent_id"),
        *("stripe_charge_id", "stripe_transfer_id", "stripe_reversal_id", "stripe_refund_id"),
    ),
    "commands": ("correlation_id", "command_type"),
    "outbox": ("key",),
    "stripe_events": ("event_id",),
    "dead_letters": ("topic",),
    "request_keys": ("route", "idempotency_key"),
    "relay_checkpoints": ("relay",),
}
"""Columns of text that an index is ordered by."""

REORDERED: dict[str, dict[str, tuple[str, tuple[str, ...], str]]] = {
    "payments": {
        "uq_payments_live_order": ("UNIQUE", ("order_id",), LIVE),
        "ix_payments_order_id_created_at": ("", ("order_id", "created_at"), ""),
        "ix_payments_customer_id": ("", ("customer_id",), ""),
        "ix_payments_runner_id": ("", ("runner_id",), "runner_id IS NOT NULL"),
        "uq_payments_stripe_payment_intent_id": ("UNIQUE", ("stripe_payment_intent_id",), ""),
    },
    "commands": {"pk_commands": ("UNIQUE", ("correlation_id", "command_type"), "")},
    "outbox": {"uq_outbox_key_sequence": ("UNIQUE", ("key", "sequence"), "NOT replayed")},
    "stripe_events": {"pk_stripe_events": ("UNIQUE", ("event_id",), "")},
    "dead_letters": {"uq_dead_letters_origin": ("UNIQUE", ("topic", "partition", '"offset"', "digest"), "")},
    "request_keys": {"pk_request_keys": ("UNIQUE", ("route", "payment_id", "idempotency_key"), "")},
    "relay_checkpoints": {"pk_relay_checkpoints": ("UNIQUE", ("relay",), "")},
}
"""Indexes that are there, by table: kind, columns, condition."""

PROOFS = ("stripe_charge_id", "stripe_transfer_id", "stripe_reversal_id", "stripe_refund_id")
"""One effect at Stripe is one payment's."""

CHECKS = {
    "payments": {
        "order_id_length": "char_length(order_id) BETWEEN 1 AND 255",
        "customer_id_length": "char_length(customer_id) BETWEEN 1 AND 255",
        "authorize_correlation_id_length": "char_length(authorize_correlation_id) BETWEEN 1 AND 255",
        "event_sequence_counts": "event_sequence >= 0",
        "status_has_intent": ("status IN ('INITIATING', 'FAILED', 'REVERTED') OR stripe_payment_intent_id IS NOT NULL"),
        "intent_id_of_stripe": "starts_with(stripe_payment_intent_id, 'pi_')",
        "charge_id_of_stripe": "starts_with(stripe_charge_id, 'ch_') OR starts_with(stripe_charge_id, 'py_')",
        "transfer_id_of_stripe": "starts_with(stripe_transfer_id, 'tr_')",
        "reversal_id_of_stripe": "starts_with(stripe_reversal_id, 'trr_')",
        "refund_id_of_stripe": "starts_with(stripe_refund_id, 're_') OR starts_with(stripe_refund_id, 'pyr_')",
    },
    "payment_transitions": {
        "status_known": f"to_status IN {STATUSES} AND (from_status IS NULL OR from_status IN {STATUSES})",
        "status_changes": "from_status IS NULL OR from_status <> to_status",
        "cause_told": "cause <> ''",
    },
    "commands": {
        "correlation_id_length": "char_length(correlation_id) BETWEEN 1 AND 255",
        "type_known": f"command_type IN {TYPES} OR (state = 'done' AND payment_id IS NULL)",
        "own_names_its_payment": (
            "command_type <> 'cancel_hold' OR (payment_id IS NOT NULL AND starts_with(correlation_id, 'pi_'))"
        ),
        "open_has_payment": "state = 'done' OR payment_id IS NOT NULL",
        "outcome_when_done": "state = 'done' OR outcome IS NULL",
        "done_says_how": (
            "state <> 'done' OR outcome IS NOT NULL OR payment_id IS NULL OR command_type = 'cancel_hold'"
        ),
        "attempts_count": "attempts >= 0",
        "key_generation_counts": "key_generation >= 0",
        "recovery_point_told": "recovery_point <> ''",
        "fingerprint_length": "octet_length(fingerprint) = 32",
        "payload_is_object": "jsonb_typeof(payload) = 'object'",
    },
    "outbox": {
        "position_counts": "position >= 1",
        "sequence_counts": "sequence >= 1",
        "topic_name": "char_length(topic) <= 249 AND topic ~ '^[A-Za-z0-9._-]+$'",
        "type_told": "type <> ''",
        "key_size": "octet_length(key) <= 2048",
        "value_size": "octet_length(value) <= 67108864",
        "headers_are_list": "json_typeof(headers) = 'array'",
    },
    "stripe_events": {
        "event_id_told": "event_id <> ''",
        "type_told": "type <> ''",
        "result_told": "result <> ''",
    },
    "dead_letters": {
        "reason_told": "reason <> ''",
        "resolved_is_timed": "(state = 'open') = (resolved_at IS NULL)",
    },
    "request_keys": {
        "route_told": "route <> ''",
        "idempotency_key_told": "idempotency_key <> ''",
        "correlation_id_length": "char_length(correlation_id) BETWEEN 1 AND 255",
    },
}

NAMED_BY = {
    "payments": "payment_id",
    "payment_transitions": "id",
    "commands": "command_type || ' ' || correlation_id",
    "outbox": "position",
    "stripe_events": "event_id",
    "dead_letters": "id",
    "request_keys": "route || ' ' || payment_id || ' ' || idempotency_key",
    "relay_checkpoints": "relay",
}
"""How a row is named to an operator."""

TRIGGERS = {
    "payments": ("payment_fixed", "payment_intent_fixed", "payment_sequence", "payments_keep"),
    "payment_transitions": ("payment_transitions_append_only", "payment_transitions_keep"),
    "commands": ("commands_keep",),
    "outbox": ("outbox_unpublished", "outbox_keep"),
    "stripe_events": ("stripe_events_keep",),
    "dead_letters": ("dead_letters_keep",),
    "request_keys": ("request_keys_keep",),
}
FUNCTIONS = ("truncate", "payment_change", "payment_sequence", "transition_update", "outbox_delete")

FREE_OWN_KEYS = (
    """
    UPDATE commands SET command_type = 'outside:cancel_hold', state = 'done', recovery_point = 'answered',
        completed_at = coalesce(completed_at, now()), lease_token = NULL, lease_expires_at = NULL
    WHERE command_type = 'cancel_hold' AND payment_id IS NULL
    """,
    """
    INSERT INTO commands (correlation_id, command_type, fingerprint, payload, payment_id, state, recovery_point,
        next_attempt_at)
    SELECT stripe_payment_intent_id, 'cancel_hold',
        sha256(convert_to(format('{"payment_id":"%s"}', payments.payment_id), 'UTF8')),
        jsonb_build_object('payment_id', payments.payment_id), payments.payment_id, 'pending', 'accepted', now()
    FROM commands JOIN payments ON stripe_payment_intent_id = correlation_id
    WHERE command_type = 'outside:cancel_hold' AND status IN ('FAILED', 'REVERTED')
        AND canceled_at IS NULL AND stripe_refund_id IS NULL
    ON CONFLICT DO NOTHING
    """,
)
"""A record from outside may have taken the key of the service's own command: the hold is still to be canceled."""


_TIMEOUTS = ("lock_timeout", "statement_timeout")


@contextmanager
def _live() -> Iterator[Connection]:
    """A connection outside any transaction, without a time limit. Its waits delay no other session."""
    with op.get_context().autocommit_block():
        connection = op.get_bind().execution_options(no_parameters=True)  # per cent signs stay what they are
        before = [connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in _TIMEOUTS]
        connection.exec_driver_sql("SET lock_timeout = 0; SET statement_timeout = 0")
        try:
            yield connection
        finally:
            # The next revision uses the same connection.
            for name, value in zip(_TIMEOUTS, before, strict=True):
                connection.exec_driver_sql(f"SET {name} = '{value}'")
            connection.execution_options(no_parameters=False)


def upgrade() -> None:
    """Build the indexes, then add the constraints for new rows, then check the existing rows."""
    with _live() as connection:
        for table in REORDERED:
            _reorder(connection, table)
        for column in PROOFS:
            _build(connection, f"uq_payments_{column}", "payments", "UNIQUE", (column,), f"{column} IS NOT NULL")
        for table, triggers in _triggers().items():
            _refuse(connection, table, triggers)
        briefly(connection, FREE_OWN_KEYS)
        for table, checks in CHECKS.items():
            _validate(connection, table, checks)
        for table, columns in IDENTITIES.items():
            # A change of its type deletes a column's statistics.
            connection.exec_driver_sql(f"ANALYZE {table} ({', '.join(columns)})")


def _build(connection: Connection, name: str, table: str, kind: str, columns: tuple[str, ...], where: str) -> None:
    texts = IDENTITIES[table]
    listed = ", ".join(f'{column} COLLATE "C"' if column in texts else column for column in columns)
    condition = f" WHERE {where}" if where else ""
    filled = " AND ".join([f"{column} IS NOT NULL" for column in columns] + ([where] if where else []))
    duplicates = (
        f"SELECT '{table} with the same {', '.join(columns)}: ' || string_agg(({NAMED_BY[table]})::text, ', ') "
        f"FROM {table} WHERE {filled} GROUP BY {', '.join(columns)} HAVING count(*) > 1 LIMIT 5"
    )
    build_index(connection, name, f"CREATE {kind} INDEX {{}} ON {table} ({listed}){condition}", duplicates)


def _collation(connection: Connection, table: str) -> str:
    found = connection.exec_driver_sql(
        f"SELECT coalesce(min(collation_name), 'default') FROM information_schema.columns "
        f"WHERE table_schema = current_schema() AND table_name = '{table}' AND column_name = '{IDENTITIES[table][0]}'"
    )
    return str(found.scalar_one())


def _reorder(connection: Connection, table: str) -> None:
    """Build new indexes beside the old ones; then exchange them and change the columns under the table's lock.

    PostgreSQL keeps an index whose order stays, but rebuilds an index with a condition (CheckIndexCompatible in its
    indexcmds.c). These are built beforehand, too, so that duplicates are found while no session waits.
    """
    if _collation(connection, table) == "C":
        return
    dropped, renamed = [], []
    for name, shape in REORDERED[table].items():
        _build(connection, f"{name}_c", table, *shape)
        if name.startswith("pk_"):
            dropped.append(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
            renamed.append(f"ALTER TABLE {table} ADD CONSTRAINT {name} PRIMARY KEY USING INDEX {name}_c")
        else:
            dropped.append(f"DROP INDEX {name}")
            renamed.append(f"ALTER INDEX {name}_c RENAME TO {name}")
    if table == "commands":
        # PostgreSQL would check it again for each row under the lock.
        dropped.append("ALTER TABLE commands DROP CONSTRAINT IF EXISTS ck_commands_correlation_id_length")
    retyped = ", ".join(f'ALTER {column} TYPE text COLLATE "C"' for column in IDENTITIES[table])
    briefly(connection, [*dropped, f"ALTER TABLE {table} {retyped}", *renamed])


def _triggers() -> dict[str, str]:
    parts = re.split(r"^-- table: (\w+)$", Path(__file__).with_suffix(".sql").read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _refuse(connection: Connection, table: str, triggers: str) -> None:
    """Enforce the constraints for new rows."""
    added = [
        f"ADD CONSTRAINT ck_{table}_{name} CHECK ({condition}) NOT VALID"
        for name, condition in CHECKS[table].items()
        if not has_constraint(connection, table, f"ck_{table}_{name}")
    ]
    briefly(connection, [*([f"ALTER TABLE {table} {', '.join(added)}"] if added else []), triggers])


def _validate(connection: Connection, table: str, checks: dict[str, str]) -> None:
    offenders = {
        f"ck_{table}_{name}": f"SELECT '{table} ' || ({NAMED_BY[table]})::text FROM {table} WHERE NOT ({check}) LIMIT 5"
        for name, check in checks.items()
    }
    validate(connection, table, offenders)


def downgrade() -> None:
    """Restore the previous schema. Indexes are rebuilt under their tables' locks, for which writers wait."""
    for table, names in TRIGGERS.items():
        for name in names:
            op.execute(f"DROP TRIGGER {name} ON {table}")
        for name in CHECKS[table]:
            if (table, name) != ("commands", "correlation_id_length"):
                op.drop_constraint(f"ck_{table}_{name}", table)
    op.execute(f"DROP FUNCTION {', '.join(f'refuse_{name}()' for name in FUNCTIONS)}")
    for column in PROOFS:
        op.drop_index(f"uq_payments_{column}")
    for table, columns in IDENTITIES.items():
        op.execute(f"ALTER TABLE {table} " + ", ".join(f'ALTER {name} TYPE text COLLATE "default"' for name in columns))
