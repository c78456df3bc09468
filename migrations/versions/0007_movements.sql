CREATE TABLE movements (
    kind TEXT COLLATE "C" NOT NULL,
    proof TEXT COLLATE "C" NOT NULL,
    payment_id UUID NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    intent_id TEXT,
    by_us BOOLEAN NOT NULL,
    stray BOOLEAN DEFAULT false NOT NULL,
    detail TEXT,
    cause TEXT NOT NULL,
    happened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    learnt_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_movements PRIMARY KEY (proof, kind),
    CONSTRAINT fk_movements_payment_id_payments FOREIGN KEY(payment_id) REFERENCES payments (payment_id),
    CONSTRAINT ck_movements_kind_known CHECK (kind IN ('hold', 'hold_gone', 'capture', 'refund', 'refund_failed', 'dispute_opened', 'dispute_withdrawn', 'dispute_reinstated', 'dispute_closed', 'transfer', 'reversal')),
    CONSTRAINT ck_movements_amount_positive CHECK (amount > 0),
    CONSTRAINT ck_movements_currency_code CHECK (currency ~ '^[a-z]{3}$'),
    CONSTRAINT ck_movements_cause_told CHECK (cause <> ''),
    CONSTRAINT ck_movements_intent_id_of_stripe CHECK (starts_with(intent_id, 'pi_')),
    CONSTRAINT ck_movements_proof_of_kind CHECK (CASE kind
        WHEN 'hold' THEN starts_with(proof, 'ch_') OR starts_with(proof, 'py_')
        WHEN 'hold_gone' THEN starts_with(proof, 'ch_') OR starts_with(proof, 'py_')
        WHEN 'capture' THEN starts_with(proof, 'ch_') OR starts_with(proof, 'py_')
        WHEN 'refund' THEN starts_with(proof, 're_') OR starts_with(proof, 'pyr_')
        WHEN 'refund_failed' THEN starts_with(proof, 're_') OR starts_with(proof, 'pyr_')
        WHEN 'transfer' THEN starts_with(proof, 'tr_')
        WHEN 'reversal' THEN starts_with(proof, 'trr_')
        ELSE starts_with(proof, 'du_') OR starts_with(proof, 'dp_') END)
);
CREATE INDEX ix_movements_payment_id ON movements (payment_id);
CREATE INDEX ix_movements_learnt_at ON movements USING brin (learnt_at);

-- A payment's money is the sum of its movements: the database adds, and nobody else writes the sums.
CREATE FUNCTION add_movement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.stray THEN
        RETURN NULL;
    END IF;
    UPDATE payments SET
        held = held + CASE NEW.kind WHEN 'hold' THEN NEW.amount WHEN 'hold_gone' THEN -NEW.amount
            WHEN 'capture' THEN -NEW.amount ELSE 0 END,
        captured = captured + CASE NEW.kind WHEN 'capture' THEN NEW.amount ELSE 0 END,
        refunded = refunded + CASE NEW.kind WHEN 'refund' THEN NEW.amount
            WHEN 'refund_failed' THEN -NEW.amount ELSE 0 END,
        disputed = disputed + CASE NEW.kind WHEN 'dispute_withdrawn' THEN NEW.amount
            WHEN 'dispute_reinstated' THEN -NEW.amount ELSE 0 END,
        contested = contested + CASE NEW.kind WHEN 'dispute_opened' THEN NEW.amount
            WHEN 'dispute_closed' THEN -NEW.amount ELSE 0 END,
        transferred = transferred + CASE NEW.kind WHEN 'transfer' THEN NEW.amount ELSE 0 END,
        reversed = reversed + CASE NEW.kind WHEN 'reversal' THEN NEW.amount ELSE 0 END,
        transfer_currency = CASE WHEN NEW.kind IN ('transfer', 'reversal')
            THEN coalesce(transfer_currency, NEW.currency) ELSE transfer_currency END
    WHERE payment_id = NEW.payment_id
        AND NEW.currency = CASE WHEN NEW.kind IN ('transfer', 'reversal')
            THEN coalesce(transfer_currency, NEW.currency) ELSE currency END;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% %: % is not the currency of its payment %', NEW.kind, NEW.proof, NEW.currency, NEW.payment_id
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER movement_sums AFTER INSERT ON movements FOR EACH ROW EXECUTE FUNCTION add_movement();

CREATE FUNCTION refuse_movement_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'movements are append-only' USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
END
$$;
CREATE TRIGGER movements_append_only BEFORE UPDATE OR DELETE ON movements
    FOR EACH ROW EXECUTE FUNCTION refuse_movement_change();
CREATE TRIGGER movements_keep BEFORE TRUNCATE ON movements FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();

-- Sums begin at nothing, also where rows are copied from a dump: the movements that follow are added again.
CREATE FUNCTION begin_sums() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.held := 0; NEW.captured := 0; NEW.refunded := 0; NEW.disputed := 0; NEW.contested := 0;
    NEW.transferred := 0; NEW.reversed := 0;
    RETURN NEW;
END
$$;
CREATE TRIGGER payment_sums_begin BEFORE INSERT ON payments FOR EACH ROW
    WHEN ((NEW.held, NEW.captured, NEW.refunded, NEW.disputed, NEW.contested, NEW.transferred, NEW.reversed)
        IS DISTINCT FROM (0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::bigint))
    EXECUTE FUNCTION begin_sums();

CREATE FUNCTION refuse_sum_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'payment %: its sums are those of its movements', OLD.payment_id
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER payment_sums BEFORE UPDATE OF
    held, captured, refunded, disputed, contested, transferred, reversed ON payments
    FOR EACH ROW WHEN (
        (OLD.held, OLD.captured, OLD.refunded, OLD.disputed, OLD.contested, OLD.transferred, OLD.reversed)
        IS DISTINCT FROM
        (NEW.held, NEW.captured, NEW.refunded, NEW.disputed, NEW.contested, NEW.transferred, NEW.reversed)
    )
    EXECUTE FUNCTION refuse_sum_change();
