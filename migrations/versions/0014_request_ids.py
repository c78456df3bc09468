"""Each command keeps the Kafka record that it came with, and the ids of its requests to Stripe, for operators.

Commands accepted before have none. Code before this revision works beside it.

Revision ID: 0014
Revises: 0013
"""

from alembic import op

from service.storage.online import briefly

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_COLUMNS = {
    "origin_topic": "TEXT",
    "origin_partition": "INTEGER",
    "origin_offset": "BIGINT",
    "stripe_requests": "JSONB",
}


def upgrade() -> None:
    """Columns without a default rewrite no row."""
    added = ", ".join(f"ADD COLUMN IF NOT EXISTS {name} {kind}" for name, kind in _COLUMNS.items())
    with op.get_context().autocommit_block():
        briefly(op.get_bind(), [f"ALTER TABLE commands {added}"])


def downgrade() -> None:
    """As it was."""
    op.execute(f"ALTER TABLE commands {', '.join(f'DROP COLUMN {name}' for name in _COLUMNS)}")
