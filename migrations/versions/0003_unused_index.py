"""No statement goes by the index of unsettled payments: what is due is found among the commands.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One index less for every payment that is made or answered."""
    op.execute("DROP INDEX ix_payments_unsettled")


def downgrade() -> None:
    """As it was."""
    op.execute("""
        CREATE INDEX ix_payments_unsettled ON payments (created_at) WHERE status IN ('INITIATING', 'REQUIRES_ACTION')
    """)
