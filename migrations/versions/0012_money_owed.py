"""Indexes for metrics: the few payments that may owe money, and the movements of second intents.

Payments whose money is where it belongs are in none of them.

Revision ID: 0012
Revises: 0011
"""

from alembic import op

from service.storage.online import build_index

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_MAY_OWE = (
    "(status IN ('FAILED', 'REVERTED') AND canceled_at IS NULL AND stripe_payment_intent_id IS NOT NULL "
    "AND refunded + disputed < amount) OR "
    "(status = 'SUCCEEDED' AND transferred > 0 "
    "AND (stripe_reversal_id IS NOT NULL OR transferred - reversed < COALESCE(transfer_amount, amount))) OR "
    "(status IN ('FAILED', 'REVERTED') AND transferred > reversed) OR "
    "(status IN ('AUTHORIZED', 'SUCCEEDED') AND stripe_transfer_id IS NULL AND failure IS NOT NULL)"
)
_BUILT = {
    "ix_payments_may_owe": f"CREATE INDEX {{}} ON payments (payment_id) WHERE {_MAY_OWE}",
    "ix_movements_stray": "CREATE INDEX {} ON movements (payment_id) WHERE stray",
}


def upgrade() -> None:
    """Build the indexes without blocking writers."""
    with op.get_context().autocommit_block():
        for name, definition in _BUILT.items():
            build_index(op.get_bind(), name, definition, "SELECT ''")


def downgrade() -> None:
    """Restore the previous schema."""
    for name in _BUILT:
        op.drop_index(name)
