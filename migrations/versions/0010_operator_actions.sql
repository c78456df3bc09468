CREATE TABLE operator_actions (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    operator TEXT NOT NULL,
    channel TEXT NOT NULL,
    action TEXT NOT NULL,
    payment_id UUID,
    correlation_id TEXT COLLATE "C",
    command_type TEXT COLLATE "C",
    dead_letter_id BIGINT,
    reason TEXT NOT NULL,
    detail JSONB DEFAULT '{}'::jsonb NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_operator_actions PRIMARY KEY (id),
    CONSTRAINT fk_operator_actions_payment_id_payments FOREIGN KEY (payment_id) REFERENCES payments (payment_id),
    CONSTRAINT fk_operator_actions_dead_letter_id_dead_letters FOREIGN KEY (dead_letter_id)
        REFERENCES dead_letters (id),
    CONSTRAINT ck_operator_actions_operator_length CHECK (char_length(operator) BETWEEN 1 AND 255),
    CONSTRAINT ck_operator_actions_channel_known CHECK (channel IN ('cli', 'page', 'http')),
    CONSTRAINT ck_operator_actions_action_name CHECK (action ~ '^[a-z_]+[.][a-z_]+$'),
    CONSTRAINT ck_operator_actions_correlation_id_length CHECK (char_length(correlation_id) BETWEEN 1 AND 255),
    CONSTRAINT ck_operator_actions_command_whole CHECK (command_type IS NULL OR correlation_id IS NOT NULL),
    CONSTRAINT ck_operator_actions_reason_length CHECK (
        char_length(reason) BETWEEN 1 AND 1000 AND reason ~ '[^[:space:]]'
    ),
    CONSTRAINT ck_operator_actions_detail_is_object CHECK (jsonb_typeof(detail) = 'object')
);
CREATE INDEX ix_operator_actions_payment_id ON operator_actions (payment_id) WHERE payment_id IS NOT NULL;
CREATE INDEX ix_operator_actions_correlation_id ON operator_actions (correlation_id) WHERE correlation_id IS NOT NULL;

CREATE FUNCTION refuse_action_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the record of operators'' acts is append-only'
        USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
END
$$;
CREATE TRIGGER operator_actions_append_only BEFORE UPDATE OR DELETE ON operator_actions
    FOR EACH ROW EXECUTE FUNCTION refuse_action_change();
CREATE TRIGGER operator_actions_keep BEFORE TRUNCATE ON operator_actions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();

-- An answer is final. The one way back: a command that failed is reopened, and counted. Holds are canceled as often as
-- they come back; they are the service's own and have no answer.
CREATE FUNCTION refuse_answered_command() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% % is answered, and stays so', OLD.command_type, OLD.correlation_id
        USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
END
$$;
CREATE TRIGGER command_answered BEFORE UPDATE OF state, outcome, reopened ON commands
    FOR EACH ROW WHEN (
        (OLD.state = 'done' OR NEW.reopened <> OLD.reopened)
        AND OLD.command_type <> 'cancel_hold'
        AND (NEW.state, NEW.outcome, NEW.reopened) IS DISTINCT FROM (OLD.state, OLD.outcome, OLD.reopened)
        AND NOT coalesce(
            OLD.state = 'done' AND NEW.state = 'pending' AND NEW.reopened = OLD.reopened + 1
            AND (OLD.payment_id IS NULL OR (OLD.outcome ->> 'type' = 'payment.failed' AND NOT OLD.outcome ? 'status')),
            false)
    )
    EXECUTE FUNCTION refuse_answered_command();
