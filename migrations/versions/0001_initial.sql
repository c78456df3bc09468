CREATE TABLE dead_letters (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    reason TEXT NOT NULL,
    detail TEXT,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    "offset" BIGINT NOT NULL,
    key BYTEA,
    value BYTEA,
    headers JSONB DEFAULT '[]'::jsonb NOT NULL,
    digest BYTEA GENERATED ALWAYS AS (sha256(coalesce(value, ''::bytea))) STORED NOT NULL,
    state TEXT DEFAULT 'open' NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    resolved_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_dead_letters PRIMARY KEY (id),
    CONSTRAINT ck_dead_letters_state_known CHECK (state IN ('open', 'retried', 'discarded'))
);
CREATE UNIQUE INDEX uq_dead_letters_origin ON dead_letters (topic, partition, "offset", digest);

CREATE TABLE outbox (
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    position BIGINT GENERATED ALWAYS AS IDENTITY,
    event_id UUID NOT NULL,
    topic TEXT NOT NULL,
    key TEXT NOT NULL,
    type TEXT NOT NULL,
    sequence BIGINT,
    value TEXT NOT NULL,
    headers JSON NOT NULL,
    replayed BOOLEAN DEFAULT false NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_outbox PRIMARY KEY (position)
);
CREATE UNIQUE INDEX uq_outbox_event_id ON outbox (event_id) WHERE NOT replayed;
CREATE UNIQUE INDEX uq_outbox_key_sequence ON outbox (key, sequence) WHERE NOT replayed;

CREATE TABLE payments (
    payment_id UUID NOT NULL,
    order_id TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    runner_id TEXT,
    runner_connect_account_id TEXT,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    status TEXT NOT NULL,
    description TEXT,
    authorize_correlation_id TEXT NOT NULL,
    stripe_payment_intent_id TEXT,
    stripe_charge_id TEXT,
    stripe_transfer_id TEXT,
    stripe_reversal_id TEXT,
    stripe_refund_id TEXT,
    captured_at TIMESTAMP WITH TIME ZONE,
    canceled_at TIMESTAMP WITH TIME ZONE,
    revert_reason TEXT,
    failure JSONB,
    event_sequence BIGINT DEFAULT 0 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    looked_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_payments PRIMARY KEY (payment_id),
    CONSTRAINT ck_payments_amount_positive CHECK (amount > 0),
    CONSTRAINT ck_payments_currency_code CHECK (currency ~ '^[a-z]{3}$'),
    CONSTRAINT ck_payments_status_known CHECK (status IN ('INITIATING', 'REQUIRES_ACTION', 'AUTHORIZED', 'SUCCEEDED', 'FAILED', 'REVERTED')),
    CONSTRAINT ck_payments_transfer_after_capture CHECK (stripe_transfer_id IS NULL OR captured_at IS NOT NULL),
    CONSTRAINT ck_payments_reversal_of_transfer CHECK (stripe_reversal_id IS NULL OR stripe_transfer_id IS NOT NULL),
    CONSTRAINT ck_payments_succeeded_is_captured CHECK (status <> 'SUCCEEDED' OR captured_at IS NOT NULL),
    CONSTRAINT ck_payments_failed_says_why CHECK (status <> 'FAILED' OR failure IS NOT NULL)
)
 WITH (fillfactor = 80);
CREATE INDEX ix_payments_customer_id ON payments (customer_id);
CREATE INDEX ix_payments_held ON payments (looked_at) WHERE status = 'AUTHORIZED';
CREATE INDEX ix_payments_order_id_created_at ON payments (order_id, created_at);
CREATE INDEX ix_payments_runner_id ON payments (runner_id) WHERE runner_id IS NOT NULL;
CREATE INDEX ix_payments_unsettled ON payments (created_at) WHERE status IN ('INITIATING', 'REQUIRES_ACTION');
CREATE UNIQUE INDEX uq_payments_live_order ON payments (order_id) WHERE status IN ('AUTHORIZED', 'INITIATING', 'REQUIRES_ACTION', 'SUCCEEDED');
CREATE UNIQUE INDEX uq_payments_stripe_payment_intent_id ON payments (stripe_payment_intent_id);

CREATE TABLE relay_checkpoints (
    relay TEXT NOT NULL,
    low BIGINT NOT NULL,
    ranges JSONB DEFAULT '[]'::jsonb NOT NULL,
    system_identifier BIGINT NOT NULL,
    timeline BIGINT NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_relay_checkpoints PRIMARY KEY (relay)
)
 WITH (fillfactor = 50);

CREATE TABLE request_keys (
    route TEXT NOT NULL,
    payment_id UUID NOT NULL,
    idempotency_key TEXT NOT NULL,
    fingerprint BYTEA NOT NULL,
    correlation_id TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_request_keys PRIMARY KEY (route, payment_id, idempotency_key)
);
CREATE INDEX ix_request_keys_created_at ON request_keys (created_at);

CREATE TABLE stripe_events (
    event_id TEXT NOT NULL,
    type TEXT NOT NULL,
    object_id TEXT,
    payment_id UUID,
    result TEXT NOT NULL,
    stripe_created_at TIMESTAMP WITH TIME ZONE,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_stripe_events PRIMARY KEY (event_id)
);
CREATE INDEX ix_stripe_events_payment_id ON stripe_events (payment_id) WHERE payment_id IS NOT NULL;

CREATE TABLE commands (
    correlation_id TEXT NOT NULL,
    command_type TEXT NOT NULL,
    fingerprint BYTEA NOT NULL,
    payload JSONB NOT NULL,
    payment_id UUID,
    state TEXT NOT NULL,
    recovery_point TEXT NOT NULL,
    step_started_at TIMESTAMP WITH TIME ZONE,
    key_generation INTEGER DEFAULT 0 NOT NULL,
    attempts INTEGER DEFAULT 0 NOT NULL,
    arrival BIGINT GENERATED ALWAYS AS IDENTITY,
    lease_token UUID,
    lease_expires_at TIMESTAMP WITH TIME ZONE,
    next_attempt_at TIMESTAMP WITH TIME ZONE,
    last_error TEXT,
    outcome JSONB,
    traceparent TEXT,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    completed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_commands PRIMARY KEY (correlation_id, command_type),
    CONSTRAINT ck_commands_correlation_id_length CHECK (char_length(correlation_id) BETWEEN 1 AND 255),
    CONSTRAINT ck_commands_state_known CHECK (state IN ('pending', 'waiting', 'done')),
    CONSTRAINT ck_commands_lease_whole CHECK ((lease_token IS NULL) = (lease_expires_at IS NULL)),
    CONSTRAINT ck_commands_done_is_timed CHECK ((state = 'done') = (completed_at IS NOT NULL)),
    CONSTRAINT ck_commands_lease_only_while_pending CHECK (state = 'pending' OR lease_token IS NULL),
    CONSTRAINT ck_commands_open_is_scheduled CHECK (state = 'done' OR next_attempt_at IS NOT NULL),
    CONSTRAINT fk_commands_payment_id_payments FOREIGN KEY(payment_id) REFERENCES payments (payment_id)
)
 WITH (fillfactor = 80);
CREATE INDEX ix_commands_due ON commands (next_attempt_at) WHERE state <> 'done';
CREATE INDEX ix_commands_open_payment ON commands (payment_id, arrival) WHERE state <> 'done';
CREATE UNIQUE INDEX uq_commands_leased_payment ON commands (payment_id) WHERE lease_token IS NOT NULL;

CREATE TABLE payment_transitions (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    payment_id UUID NOT NULL,
    from_status TEXT,
    to_status TEXT NOT NULL,
    cause TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_payment_transitions PRIMARY KEY (id),
    CONSTRAINT fk_payment_transitions_payment_id_payments FOREIGN KEY(payment_id) REFERENCES payments (payment_id)
);
CREATE INDEX ix_payment_transitions_payment_id ON payment_transitions (payment_id);

-- The transition table, held by the database as well: no writer of any kind can regress a payment.
CREATE FUNCTION refuse_unknown_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.status, NEW.status) NOT IN (
        ('INITIATING', 'AUTHORIZED'),
        ('INITIATING', 'FAILED'),
        ('INITIATING', 'REQUIRES_ACTION'),
        ('INITIATING', 'REVERTED'),
        ('INITIATING', 'SUCCEEDED'),
        ('REQUIRES_ACTION', 'AUTHORIZED'),
        ('REQUIRES_ACTION', 'FAILED'),
        ('REQUIRES_ACTION', 'REVERTED'),
        ('REQUIRES_ACTION', 'SUCCEEDED'),
        ('AUTHORIZED', 'REVERTED'),
        ('AUTHORIZED', 'SUCCEEDED'),
        ('SUCCEEDED', 'REVERTED')
    ) THEN
        RAISE EXCEPTION 'payment %: % may not become %', OLD.payment_id, OLD.status, NEW.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_transition';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER payment_transition BEFORE UPDATE OF status ON payments
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION refuse_unknown_transition();

-- The outbox is append-only: the relay's progress is kept beside it, and retention deletes whole rows.
CREATE FUNCTION refuse_outbox_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the outbox is append-only' USING ERRCODE = 'check_violation', CONSTRAINT = 'outbox_append_only';
END
$$;
CREATE TRIGGER outbox_append_only BEFORE UPDATE ON outbox
    FOR EACH ROW EXECUTE FUNCTION refuse_outbox_update();
