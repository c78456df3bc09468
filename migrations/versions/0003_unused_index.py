"""No statement uses the index of unsettled payments, because due work is found among the commands.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the index, which each new or answered payment would have to update."""
    op.execute("DROP INDEX ix_payments_unsettled")


def downgrade() -> None:
    """Create the index again."""
    op.execute("""
        CREATE INDEX ix_payments_unsettled ON payments (created_at) WHERE status IN ('INITIATING', 'REQUIRES_ACTION')
    """)
