"""Each act of an operator leaves a row, and a failed command can be reopened.

Code of the previous release works with it, but does not distinguish a reopened command from a new one. Reopen commands
only when every consumer has this release.

Revision ID: 0010
Revises: 0009
"""

from pathlib import Path

from alembic import op

from service.storage.online import briefly, has_constraint, validate

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_COUNTS, _TIMED = "ck_commands_reopened_counts", "ck_commands_reopened_is_timed"
_CHECKS = {_COUNTS: "reopened >= 0", _TIMED: "(reopened = 0) = (reopened_at IS NULL)"}


def upgrade() -> None:
    """Add columns with constant defaults, which rewrite no row, and constraints, validated without blocking writers."""
    with op.get_context().autocommit_block():
        connection = op.get_bind().execution_options(no_parameters=True)  # per cent signs stay as they are
        if not has_constraint(connection, "commands", _COUNTS):
            added = [f"ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID" for name, condition in _CHECKS.items()]
            briefly(
                connection,
                [
                    "ALTER TABLE commands ADD COLUMN reopened INTEGER NOT NULL DEFAULT 0, "
                    f"ADD COLUMN reopened_at TIMESTAMP WITH TIME ZONE, {', '.join(added)}",
                    Path(__file__).with_suffix(".sql").read_text("utf-8"),
                ],
            )
        validate(connection, "commands", dict.fromkeys(_CHECKS, "SELECT ''"))
        connection.execution_options(no_parameters=False)


def downgrade() -> None:
    """Restore the previous schema, without the record of operators' acts."""
    op.execute("DROP TRIGGER command_answered ON commands; DROP FUNCTION refuse_answered_command()")
    op.execute("ALTER TABLE commands DROP COLUMN reopened, DROP COLUMN reopened_at")
    op.execute("DROP TABLE operator_actions; DROP FUNCTION refuse_action_change()")
