"""An index of the replayed rows of the outbox: those of a payment are found without reading the whole outbox.

It has no entry for a row that is no replay, so that no event costs more.

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
    """Build it beside the work."""
    with op.get_context().autocommit_block():
        build_index(op.get_bind(), _INDEX, "CREATE INDEX {} ON outbox (key, position) WHERE replayed", "SELECT ''")


def downgrade() -> None:
    """As it was."""
    op.drop_index(_INDEX)
