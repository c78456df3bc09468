CREATE TABLE IF NOT EXISTS audits (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    kind TEXT NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    until TIMESTAMP WITH TIME ZONE,
    compared BIGINT NOT NULL,
    differences BIGINT NOT NULL,
    repaired BIGINT DEFAULT 0 NOT NULL,
    CONSTRAINT pk_audits PRIMARY KEY (id),
    CONSTRAINT ck_audits_kind_known CHECK (kind IN ('payment', 'outbox')),
    CONSTRAINT ck_audits_counts CHECK (least(compared, differences, repaired) >= 0)
);
