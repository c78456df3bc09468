"""What was transferred: Stripe settles a charge in a currency, and an amount, that need not be the payment's.

Payments transferred before this revision keep NULL: all of their amount went, in their own currency.

Revision ID: 0006
Revises: 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Columns without a default: no row is rewritten, and code before this revision works beside it."""
    op.execute("ALTER TABLE payments ADD COLUMN transfer_amount BIGINT, ADD COLUMN transfer_currency TEXT")
    op.execute("""
        ALTER TABLE payments ADD CONSTRAINT ck_payments_transfer_whole
            CHECK ((transfer_amount IS NULL) = (transfer_currency IS NULL) AND transfer_amount > 0) NOT VALID
    """)
    op.execute("ALTER TABLE payments VALIDATE CONSTRAINT ck_payments_transfer_whole")


def downgrade() -> None:
    """What was transferred in another currency is told in the payment's own again."""
    op.execute("ALTER TABLE payments DROP COLUMN transfer_amount, DROP COLUMN transfer_currency")
