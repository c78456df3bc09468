"""The wake-up: a transaction that appends to the outbox notifies the relay only while the relay sleeps.

A sleeping relay holds an advisory lock, and each writer tries to share this lock until its transaction ends. If the
lock is refused, the writer notifies. If it is granted, the relay is awake and cannot sleep before that transaction has
ended. NOTIFY takes a lock on the whole cluster until commit (PostgreSQL documentation, "NOTIFY"), so it must be rare
under load.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Notify once for each statement, for every writer."""
    op.execute("""
        CREATE FUNCTION ring_relay() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            -- "outbox" in ASCII; the relay knows it by the same number
            IF NOT pg_try_advisory_xact_lock_shared(x'6f7574626f78'::bigint) THEN
                PERFORM pg_notify('outbox', '');
            END IF;
            RETURN NULL;
        END
        $$
    """)
    op.execute("""
        CREATE TRIGGER outbox_doorbell AFTER INSERT ON outbox
            FOR EACH STATEMENT EXECUTE FUNCTION ring_relay()
    """)


def downgrade() -> None:
    """Remove the notification. The relay polls."""
    op.execute("DROP TRIGGER outbox_doorbell ON outbox")
    op.execute("DROP FUNCTION ring_relay()")
