"""Money as an append-only ledger of movements, and its sums beside the payment.

Payments before this revision have no movements. Only Stripe knows their captures and refunds, so the first look at a
payment writes its movements: soon for held payments, and with ``payment reconcile --since`` for all others. Code before
this revision works with it.

Revision ID: 0007
Revises: 0006
"""

from pathlib import Path

from alembic import op

from service.storage.online import briefly, build_index, has_constraint, validate

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_SUMS = ("held", "captured", "refunded", "disputed", "contested", "transferred", "reversed")
_WHOLE = "ck_payments_transfer_whole"
_CHECKS = {
    "sums_above_zero": f"least({', '.join(_SUMS)}) >= 0",
    "refunded_of_captured": "refunded <= captured",
    "reversed_of_transferred": "reversed <= transferred",
    # A stranger's transfer of the charge has a currency, and is none of ours.
    "transfer_known": "(transfer_amount IS NULL OR transfer_currency IS NOT NULL) AND transfer_amount > 0",
}
_LOOKS = "ix_payments_look"


def upgrade() -> None:
    """Add columns with constant defaults, which rewrite no row, and constraints, validated without blocking writers."""
    with op.get_context().autocommit_block():
        connection = op.get_bind().execution_options(no_parameters=True)  # per cent signs stay what they are
        added = [f"ADD COLUMN IF NOT EXISTS {name} BIGINT NOT NULL DEFAULT 0" for name in _SUMS]
        added += [
            f"ADD COLUMN IF NOT EXISTS {name} TEXT"
            for name in ("refund_status", "release_correlation_id", "revert_correlation_id")
        ]
        added.append("ADD COLUMN IF NOT EXISTS look_at TIMESTAMP WITH TIME ZONE")
        for name, condition in _CHECKS.items():
            if not has_constraint(connection, "payments", f"ck_payments_{name}"):
                added.append(f"ADD CONSTRAINT ck_payments_{name} CHECK ({condition}) NOT VALID")
        added.append(f"DROP CONSTRAINT IF EXISTS {_WHOLE}")
        briefly(
            connection,
            [
                f"ALTER TABLE payments {', '.join(added)}",
                "ALTER TABLE stripe_events ADD COLUMN IF NOT EXISTS tells JSONB",
            ],
        )
        offenders = {
            f"ck_payments_{name}": f"SELECT 'payments ' || payment_id FROM payments WHERE NOT ({check}) LIMIT 5"
            for name, check in _CHECKS.items()
        }
        validate(connection, "payments", offenders)
        due = "CREATE INDEX {} ON payments (look_at) WHERE look_at IS NOT NULL"
        build_index(connection, _LOOKS, due, "SELECT ''")
        if not connection.exec_driver_sql("SELECT to_regclass('movements') IS NOT NULL").scalar_one():
            briefly(connection, [Path(__file__).with_suffix(".sql").read_text("utf-8")])
        connection.execution_options(no_parameters=False)


def downgrade() -> None:
    """Restore the previous schema without the movements, which looks can learn again."""
    op.execute("DROP TABLE movements")
    op.execute("DROP TRIGGER payment_sums ON payments; DROP TRIGGER payment_sums_begin ON payments")
    op.execute(
        "DROP FUNCTION add_movement(); DROP FUNCTION refuse_movement_change(); DROP FUNCTION begin_sums();"
        " DROP FUNCTION refuse_sum_change()"
    )
    dropped = (*_SUMS, "refund_status", "release_correlation_id", "revert_correlation_id", "look_at")
    op.execute(
        "ALTER TABLE payments "
        + ", ".join(f"DROP COLUMN {name}" for name in dropped)
        + ", DROP CONSTRAINT ck_payments_transfer_known"
    )
    # Of a stranger's transfer only the currency is known.
    op.execute("UPDATE payments SET transfer_currency = NULL WHERE transfer_amount IS NULL")
    op.execute(
        f"ALTER TABLE payments ADD CONSTRAINT {_WHOLE} CHECK "
        "((transfer_amount IS NULL) = (transfer_currency IS NULL) AND transfer_amount > 0)"
    )
    op.execute("ALTER TABLE stripe_events DROP COLUMN tells")
