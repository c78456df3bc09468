"""Each audit keeps its result, which metrics show and alerts watch.

Code of the previous release works with it: the table is new, and nothing else refers to it.

Revision ID: 0015
Revises: 0014
"""

from pathlib import Path

from alembic import op

from service.storage.online import briefly

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create a table, which waits for nobody."""
    with op.get_context().autocommit_block():
        briefly(op.get_bind(), [Path(__file__).with_suffix(".sql").read_text("utf-8")])


def downgrade() -> None:
    """Restore the previous schema, without the results of audits."""
    op.execute("DROP TABLE audits")
