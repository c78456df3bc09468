"""The amount and currency of a transfer, which may differ from the payment's because of Stripe's settlement.

Payments transferred before this revision keep NULL, because their whole amount was transferred in their own currency.
Code before this revision works with it.

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
    """Add columns without a default, and a constraint that is validated without blocking writers."""
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        added = ["ADD COLUMN IF NOT EXISTS transfer_amount BIGINT", "ADD COLUMN IF NOT EXISTS transfer_currency TEXT"]
        if not has_constraint(connection, "payments", _CHECK):
            added.append(f"ADD CONSTRAINT {_CHECK} CHECK ({_WHOLE}) NOT VALID")
        briefly(connection, [f"ALTER TABLE payments {', '.join(added)}"])
        offenders = f"SELECT 'payments ' || payment_id FROM payments WHERE NOT ({_WHOLE}) LIMIT 5"
        validate(connection, "payments", {_CHECK: offenders})


def downgrade() -> None:
    """Restore the previous schema, in which transfers in another currency appear in the payment's own."""
    op.execute("ALTER TABLE payments DROP COLUMN transfer_amount, DROP COLUMN transfer_currency")
