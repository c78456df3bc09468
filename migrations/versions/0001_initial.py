"""The first schema: payments, commands, outbox, checkpoints, inbox, dead letters.

Revision ID: 0001
Revises:
"""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "request_keys",
    "dead_letters",
    "stripe_events",
    "relay_checkpoints",
    "outbox",
    "payment_transitions",
    "commands",
    "payments",
)


def upgrade() -> None:
    """Create everything, triggers included."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    # The driver's own cursor does not interpret the per cent signs of the triggers if there are no parameters.
    op.get_bind().connection.cursor().execute(statements)


def downgrade() -> None:
    """Drop everything, data included."""
    for table in TABLES:
        op.drop_table(table)
    op.execute("DROP FUNCTION refuse_unknown_transition(), refuse_outbox_update()")
