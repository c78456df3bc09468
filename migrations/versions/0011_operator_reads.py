"""Indexes for operators' searches: payments by status and age, commands and dead letters by payment.

One index of commands replaces another, because it includes the answered commands of a payment.

Revision ID: 0011
Revises: 0010
"""

from alembic import op

from service.storage.online import briefly, build_index

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_UNPAID = "'FAILED', 'INITIATING', 'REQUIRES_ACTION', 'REVERTED'"
_BUILT = {
    "ix_payments_created_at": "CREATE INDEX {} ON payments (created_at)",
    "ix_payments_unpaid": f"CREATE INDEX {{}} ON payments (created_at) WHERE status IN ({_UNPAID})",
    "ix_commands_payment_id_arrival": "CREATE INDEX {} ON commands (payment_id, arrival)",
    "ix_commands_received_at": "CREATE INDEX {} ON commands USING brin (received_at)",
    "ix_dead_letters_open": "CREATE INDEX {} ON dead_letters (id) WHERE state = 'open'",
}
_REPLACED = "ix_commands_open_payment"


def upgrade() -> None:
    """Build the indexes without blocking writers."""
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        for name, definition in _BUILT.items():
            build_index(connection, name, definition, "SELECT ''")
        briefly(connection, [f"DROP INDEX IF EXISTS {_REPLACED}"])


def downgrade() -> None:
    """Restore the previous schema."""
    op.execute(f"CREATE INDEX {_REPLACED} ON commands (payment_id, arrival) WHERE state <> 'done'")
    for name in _BUILT:
        op.drop_index(name)
