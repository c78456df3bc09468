"""The doorbell: whoever appends to the outbox wakes a relay that sleeps, and only then.

A sleeping relay holds an advisory lock. A writer tries to share it until its transaction ends: refused, it notifies;
granted, the relay is awake, and cannot fall asleep again before that transaction is over. NOTIFY takes a lock on the
whole cluster until commit (PostgreSQL documentation, "NOTIFY"), so it must be rare under load.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Ring once per statement, for every writer there is."""
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
    """Silence: the relay polls."""
    op.execute("DROP TRIGGER outbox_doorbell ON outbox")
    op.execute("DROP FUNCTION ring_relay()")
