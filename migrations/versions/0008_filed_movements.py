"""A payment's movements and sums are written with its row, in one statement; short constraints.

PostgreSQL reads each CHECK of a table anew for every statement that writes to it (``ExecRelCheck`` in
``src/backend/executor/execMain.c``), at some 5 ns a character of its stored form: long ones cost more than the row.

Code of the previous release works with it: its rows for ``movements`` are redirected to the new way.

Revision ID: 0008
Revises: 0007
"""

from pathlib import Path

from alembic import op

from service.storage.online import briefly, has_constraint, validate

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_FILED = "new_movements IS NULL"
_PROOF = (
    "(kind || ' ' || proof) ~ '^((hold|hold_gone|capture) (ch|py)|(refund|refund_failed) (re|pyr)|transfer tr"
    "|reversal trr|(dispute_opened|dispute_withdrawn|dispute_reinstated|dispute_closed) (du|dp))_'"
)
_PAYMENTS, _MOVEMENTS = "ck_payments_new_movements_filed", "ck_movements_proof_of_kind"


def upgrade() -> None:
    """Add a column without a default, which rewrites no row, and constraints, validated without blocking writers."""
    with op.get_context().autocommit_block():
        connection = op.get_bind().execution_options(no_parameters=True)  # per cent signs stay what they are
        if not has_constraint(connection, "payments", _PAYMENTS):
            briefly(
                connection,
                [
                    "ALTER TABLE payments ADD COLUMN new_movements JSONB, "
                    f"ADD CONSTRAINT {_PAYMENTS} CHECK ({_FILED}) NOT VALID",
                    "ALTER TABLE movements DROP CONSTRAINT ck_movements_kind_known, "
                    f"DROP CONSTRAINT {_MOVEMENTS}, ADD CONSTRAINT {_MOVEMENTS} CHECK ({_PROOF}) NOT VALID",
                    Path(__file__).with_suffix(".sql").read_text("utf-8"),
                ],
            )
        validate(connection, "payments", {_PAYMENTS: "SELECT ''"})
        validate(
            connection,
            "movements",
            {_MOVEMENTS: f"SELECT 'movements ' || kind || ' ' || proof FROM movements WHERE NOT ({_PROOF}) LIMIT 5"},
        )
        connection.execution_options(no_parameters=False)


def downgrade() -> None:
    """Restore the previous schema with the statements of the previous revision."""
    connection = op.get_bind().execution_options(no_parameters=True)
    was = Path(__file__).with_name("0007_movements.sql").read_text("utf-8")
    _, added, rest = was.partition("-- A payment's money is the sum")
    sums, _, after = (added + rest).partition("CREATE FUNCTION refuse_movement_change")
    begin = after[after.index("-- Sums begin at nothing") :]
    for part in (
        "DROP TRIGGER movement_sums ON movements; DROP TRIGGER payment_files_movements ON payments;"
        " DROP TRIGGER payment_sums_begin ON payments; DROP TRIGGER payment_sums ON payments;"
        " DROP FUNCTION pass_movement_on(); DROP FUNCTION file_movements(); DROP FUNCTION begin_sums();"
        " DROP FUNCTION refuse_sum_change(); ALTER TABLE payments DROP COLUMN new_movements",
        sums,
        begin,
        f"ALTER TABLE movements DROP CONSTRAINT {_MOVEMENTS}, {', '.join(_checks_of(was))}",
    ):
        connection.exec_driver_sql(part)
    connection.execution_options(no_parameters=False)


def _checks_of(was: str) -> list[str]:
    """The two conditions that this revision has merged."""
    created = was.partition(");\n")[0]
    found = (created[created.index(f"CONSTRAINT {name} ") :] for name in ("ck_movements_kind_known", _MOVEMENTS))
    return [f"ADD {part.partition(',' + chr(10) + '    CONSTRAINT')[0].rstrip()}" for part in found]
