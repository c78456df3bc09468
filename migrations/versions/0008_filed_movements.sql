-- Movements come in with the row of their payment: one statement writes its status, its movements and its sums.
CREATE FUNCTION file_movements() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    movement record;
    expected text;
BEGIN
    FOR movement IN
        INSERT INTO movements (kind, proof, payment_id, amount, currency, intent_id, by_us, stray, detail, cause,
            happened_at, learnt_at)
        SELECT kind, proof, NEW.payment_id, amount, currency, intent_id, by_us, coalesce(stray, false), detail, cause,
            happened_at, coalesce(learnt_at, now())
        FROM jsonb_populate_recordset(NULL::movements, NEW.new_movements)
        RETURNING kind, proof, amount, currency, stray
    LOOP
        CONTINUE WHEN movement.stray;
        IF movement.kind IN ('transfer', 'reversal') THEN
            NEW.transfer_currency := coalesce(NEW.transfer_currency, movement.currency);
            expected := NEW.transfer_currency;
        ELSE
            expected := NEW.currency;
        END IF;
        IF movement.currency <> expected THEN
            RAISE EXCEPTION '% %: % is not the currency of its payment %',
                movement.kind, movement.proof, movement.currency, NEW.payment_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'movement_sums';
        END IF;
        CASE movement.kind
            WHEN 'hold' THEN NEW.held := NEW.held + movement.amount;
            WHEN 'hold_gone' THEN NEW.held := NEW.held - movement.amount;
            WHEN 'capture' THEN
                NEW.held := NEW.held - movement.amount;
                NEW.captured := NEW.captured + movement.amount;
            WHEN 'refund' THEN NEW.refunded := NEW.refunded + movement.amount;
            WHEN 'refund_failed' THEN NEW.refunded := NEW.refunded - movement.amount;
            WHEN 'dispute_opened' THEN NEW.contested := NEW.contested + movement.amount;
            WHEN 'dispute_closed' THEN NEW.contested := NEW.contested - movement.amount;
            WHEN 'dispute_withdrawn' THEN NEW.disputed := NEW.disputed + movement.amount;
            WHEN 'dispute_reinstated' THEN NEW.disputed := NEW.disputed - movement.amount;
            WHEN 'transfer' THEN NEW.transferred := NEW.transferred + movement.amount;
            WHEN 'reversal' THEN NEW.reversed := NEW.reversed + movement.amount;
        END CASE;
    END LOOP;
    NEW.new_movements := NULL;
    RETURN NEW;
END
$$;
CREATE TRIGGER payment_files_movements BEFORE UPDATE OF new_movements ON payments
    FOR EACH ROW WHEN (NEW.new_movements IS NOT NULL) EXECUTE FUNCTION file_movements();

-- A row from elsewhere (a dump, an older release, a hand) goes the same way.
DROP TRIGGER movement_sums ON movements;
DROP FUNCTION add_movement();
CREATE FUNCTION pass_movement_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE payments SET new_movements = jsonb_build_array(to_jsonb(NEW)) WHERE payment_id = NEW.payment_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% %: there is no payment %', NEW.kind, NEW.proof, NEW.payment_id
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER movement_sums BEFORE INSERT ON movements
    FOR EACH ROW WHEN (pg_trigger_depth() < 1) EXECUTE FUNCTION pass_movement_on();

-- Nobody sets a sum any more. The condition on new rows was read by PostgreSQL at every INSERT.
CREATE OR REPLACE FUNCTION refuse_sum_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'payment %: its sums are those of its movements', OLD.payment_id
        USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
END
$$;
DROP TRIGGER payment_sums_begin ON payments;
CREATE TRIGGER payment_sums_begin BEFORE INSERT ON payments FOR EACH ROW EXECUTE FUNCTION begin_sums();
