"""What was transferred: Stripe settles a charge in a currency, and an amount, that need not be the payment's.

Payments transferred before this revision keep NULL: all of their amount went, in their own currency. Code before this
revision works beside it.

Revision ID: 0006
Revises: 0005
"""

from alembic import op

from service.storage.online import briefly, has_constraint, validate

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_CHECK = "ck_payments_transfer_whole"
_WHOLE = "(transfer_amount IS NULL) = (transfer_currency IS NULL) AND transfer_amount > 0"


def upgrade() -> None:
    """Columns without a default, and a constraint that is checked beside the work: nobody waits for a scan."""
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        added = ["ADD COLUMN IF NOT EXISTS transfer_amount BIGINT", "ADD COLUMN IF NOT EXISTS transfer_currency TEXT"]
        if not has_constraint(connection, "payments", _CHECK):
            added.append(f"ADD CONSTRAINT {_CHECK} CHECK ({_WHOLE}) NOT VALID")
        briefly(connection, [f"ALTER TABLE payments {', '.join(added)}"])
        offenders = f"SELECT 'payments ' || payment_id FROM payments WHERE NOT ({_WHOLE}) LIMIT 5"
        validate(connection, "payments", {_CHECK: offenders})


def downgrade() -> None:
    """What was transferred in another currency is told in the payment's own again."""
    op.execute("ALTER TABLE payments DROP COLUMN transfer_amount, DROP COLUMN transfer_currency")
