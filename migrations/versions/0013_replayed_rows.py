"""An index of the replayed rows of the outbox, by which a payment's replays are found without reading the whole outbox.

It has no entry for other rows, so that the cost of an event stays the same.

Revision ID: 0013
Revises: 0012
"""

from alembic import op

from service.storage.online import build_index

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_INDEX = "ix_outbox_replayed_key"


def upgrade() -> None:
    """Build the index without blocking writers."""
    with op.get_context().autocommit_block():
        build_index(op.get_bind(), _INDEX, "CREATE INDEX {} ON outbox (key, position) WHERE replayed", "SELECT ''")


def downgrade() -> None:
    """Restore the previous schema."""
    op.drop_index(_INDEX)
