"""The event type of a successful revert is stored with the command, so that every process publishes the same type.

Earlier commands have no stored type. The setting of the process that finishes them decides.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

from service.storage.online import briefly, has_constraint, validate

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_CHECK = "ck_commands_revert_event_type_known"
_CONDITION = "revert_event_type ~ '^payment[.](reverted|failed|released)$'"


def upgrade() -> None:
    """Add a column without a default, which rewrites no row, and a constraint, validated without blocking writers."""
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        if not has_constraint(connection, "commands", _CHECK):
            briefly(
                connection,
                [
                    "ALTER TABLE commands ADD COLUMN revert_event_type TEXT, "
                    f"ADD CONSTRAINT {_CHECK} CHECK ({_CONDITION}) NOT VALID"
                ],
            )
        validate(connection, "commands", {_CHECK: "SELECT ''"})


def downgrade() -> None:
    """Restore the previous schema."""
    op.execute("ALTER TABLE commands DROP COLUMN revert_event_type")
