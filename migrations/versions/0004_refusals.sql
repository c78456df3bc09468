-- table: payments
CREATE OR REPLACE FUNCTION refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % is never emptied', TG_TABLE_NAME
        USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
END
$$;
CREATE OR REPLACE TRIGGER payments_keep BEFORE TRUNCATE ON payments
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();

-- What was accepted is what is held, captured and given back; a known intent is not exchanged for another.
CREATE OR REPLACE FUNCTION refuse_payment_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'payment %: what identifies it, its amount and its currency never change', OLD.payment_id
        USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
END
$$;
CREATE OR REPLACE TRIGGER payment_fixed BEFORE UPDATE OF
    payment_id, order_id, customer_id, amount, currency, authorize_correlation_id ON payments
    FOR EACH ROW WHEN (
        (OLD.payment_id, OLD.order_id, OLD.customer_id, OLD.amount, OLD.currency, OLD.authorize_correlation_id)
        IS DISTINCT FROM
        (NEW.payment_id, NEW.order_id, NEW.customer_id, NEW.amount, NEW.currency, NEW.authorize_correlation_id)
    )
    EXECUTE FUNCTION refuse_payment_change();
CREATE OR REPLACE TRIGGER payment_intent_fixed BEFORE UPDATE OF stripe_payment_intent_id ON payments
    FOR EACH ROW WHEN (OLD.stripe_payment_intent_id IS DISTINCT FROM NEW.stripe_payment_intent_id
        AND OLD.stripe_payment_intent_id IS NOT NULL)
    EXECUTE FUNCTION refuse_payment_change();
CREATE OR REPLACE FUNCTION refuse_payment_sequence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'payment %: its events are counted upwards', OLD.payment_id
        USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
END
$$;
CREATE OR REPLACE TRIGGER payment_sequence BEFORE UPDATE OF event_sequence ON payments
    FOR EACH ROW WHEN (NEW.event_sequence < OLD.event_sequence) EXECUTE FUNCTION refuse_payment_sequence();

-- table: payment_transitions
CREATE OR REPLACE FUNCTION refuse_transition_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a payment''s history is append-only'
        USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
END
$$;
CREATE OR REPLACE TRIGGER payment_transitions_append_only BEFORE UPDATE ON payment_transitions
    FOR EACH ROW EXECUTE FUNCTION refuse_transition_update();
CREATE OR REPLACE TRIGGER payment_transitions_keep BEFORE TRUNCATE ON payment_transitions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();

-- table: commands
CREATE OR REPLACE TRIGGER commands_keep BEFORE TRUNCATE ON commands
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();

-- table: outbox
-- Once a statement, not once a row. The row at the lowest resume point stays: a relay knows its database again by it.
CREATE OR REPLACE FUNCTION refuse_outbox_delete() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last bigint := (SELECT max(position) FROM gone);
    published bigint := (SELECT coalesce(min(low), 0) FROM relay_checkpoints);
BEGIN
    IF last >= published THEN
        RAISE EXCEPTION 'row % of the outbox may be unpublished: only rows below % may go', last, published
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER outbox_unpublished AFTER DELETE ON outbox REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_outbox_delete();
CREATE OR REPLACE TRIGGER outbox_keep BEFORE TRUNCATE ON outbox
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();

-- table: stripe_events
CREATE OR REPLACE TRIGGER stripe_events_keep BEFORE TRUNCATE ON stripe_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();

-- table: dead_letters
CREATE OR REPLACE TRIGGER dead_letters_keep BEFORE TRUNCATE ON dead_letters
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();

-- table: request_keys
CREATE OR REPLACE TRIGGER request_keys_keep BEFORE TRUNCATE ON request_keys
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();
