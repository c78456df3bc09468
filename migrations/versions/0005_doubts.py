"""The relay's doubts: the signs of positions that are handed out again, and a repair of the sequence.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a function, and two columns that relays of the previous release ignore."""
    op.execute("ALTER TABLE relay_checkpoints ADD COLUMN outbox_oid BIGINT, ADD COLUMN doubt TEXT")
    op.execute("""
        CREATE FUNCTION mend_outbox_sequence() RETURNS text LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
        DECLARE
            drawn_from regclass := pg_get_serial_sequence('outbox', 'position');
            cached bigint;
            step bigint;
            used bigint;
            drawn bigint;
            doubts text[] := '{}';
        BEGIN
            IF drawn_from IS NULL THEN
                RAISE EXCEPTION 'the positions of the outbox come from no sequence';
            END IF;
            SELECT seqcache, seqincrement INTO cached, step FROM pg_sequence WHERE seqrelid = drawn_from;
            IF cached <> 1 OR step <> 1 THEN
                doubts := doubts || format('positions were drawn with cache %s and increment %s', cached, step);
                BEGIN
                    -- It waits for every transaction that has drawn one. It writes the sequence anew, so that no
                    -- session uses what it has in its cache: that belonged to the old one.
                    EXECUTE format('ALTER SEQUENCE %s INCREMENT 1 CACHE 1', drawn_from);
                EXCEPTION WHEN insufficient_privilege OR lock_not_available THEN
                    RAISE EXCEPTION '%: ALTER SEQUENCE % INCREMENT 1 CACHE 1 (%)', doubts[1], drawn_from, SQLERRM
                        USING ERRCODE = SQLSTATE;
                END;
            END IF;
            -- First what is used, then what is drawn: a row that comes in between has drawn its position.
            SELECT greatest(
                (SELECT max(position) FROM outbox), max(low), max((ranges -> -1 ->> 1)::bigint), 0
            ) INTO used FROM relay_checkpoints;
            drawn := coalesce(pg_sequence_last_value(drawn_from), 0);
            IF drawn < used THEN
                doubts := doubts || format('positions up to %s are handed out again below %s', drawn, used);
            END IF;
            IF doubts = '{}' THEN
                RETURN NULL;
            END IF;
            UPDATE relay_checkpoints SET doubt = array_to_string(doubts, '; ');
            IF drawn < used THEN
                -- Last, for no rollback takes it back. A thousand are left out: others draw between look and this.
                PERFORM setval(drawn_from, used + 1000);
            END IF;
            RETURN array_to_string(doubts, '; ');
        END
        $$
    """)


def downgrade() -> None:
    """Restore the previous schema."""
    op.execute("DROP FUNCTION mend_outbox_sequence()")
    op.execute("ALTER TABLE relay_checkpoints DROP COLUMN outbox_oid, DROP COLUMN doubt")
