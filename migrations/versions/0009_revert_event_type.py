"""What a revert's success is called is kept with the command, so that whoever finishes it uses the same name.

Commands accepted before have none: the name is then the one that is set where they are finished.

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
    """A column without a default rewrites no row; the constraint is checked beside the work."""
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
    """As it was."""
    op.execute("ALTER TABLE commands DROP COLUMN revert_event_type")
