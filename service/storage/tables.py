"""The schema, as the migrations build it (a test compares the two)."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import BYTEA, JSON, JSONB

from service.domain.payment import MONEY_FIELDS
from service.domain.status import LIVE
from service.storage.refusals import (
    COMMANDS,
    DEAD_LETTERS,
    MOVEMENTS,
    OUTBOX,
    PAYMENT_TRANSITIONS,
    PAYMENTS,
    PROOFS,
    REQUEST_KEYS,
    STRIPE_EVENTS,
    checks,
    one_of,
)
from service.storage.types import XID8

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

NOW = text("now()")
INSTANT = DateTime(timezone=True)
IDENTITY = Text(collation="C")
"""Text that an index is ordered by: byte by byte, whatever the operating system's or ICU's version."""


payments = Table(
    "payments",
    metadata,
    Column("payment_id", Uuid, primary_key=True),
    Column("order_id", IDENTITY, nullable=False),
    Column("customer_id", IDENTITY, nullable=False),
    Column("runner_id", IDENTITY),
    Column("runner_connect_account_id", Text),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("description", Text),
    Column("authorize_correlation_id", Text, nullable=False),
    Column("stripe_payment_intent_id", IDENTITY),
    Column("stripe_charge_id", IDENTITY),
    Column("stripe_transfer_id", IDENTITY),
    Column("transfer_amount", BigInteger),
    Column("transfer_currency", Text),
    Column("stripe_reversal_id", IDENTITY),
    Column("stripe_refund_id", IDENTITY),
    Column("refund_status", Text),
    Column("release_correlation_id", Text),
    Column("revert_correlation_id", Text),
    *(Column(name, BigInteger, nullable=False, server_default=text("0")) for name in MONEY_FIELDS),
    Column("captured_at", INSTANT),
    Column("canceled_at", INSTANT),
    Column("revert_reason", Text),
    Column("failure", JSONB(none_as_null=True)),
    Column("event_sequence", BigInteger, nullable=False, server_default=text("0")),
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
    Column("updated_at", INSTANT, nullable=False, server_default=NOW),
    Column("looked_at", INSTANT, nullable=False, server_default=NOW),
    Column("look_at", INSTANT),
    # Always null: the trigger payment_files_movements makes rows of movements of what is written here.
    Column("new_movements", JSONB(none_as_null=True)),
    *checks(PAYMENTS),
    *(
        Index(f"uq_payments_{proof}", proof, unique=True, postgresql_where=text(f"{proof} IS NOT NULL"))
        for proof in PROOFS
    ),
    Index(
        "uq_payments_live_order",
        "order_id",
        unique=True,
        postgresql_where=text(one_of("status", sorted(LIVE))),
    ),
    Index("uq_payments_stripe_payment_intent_id", "stripe_payment_intent_id", unique=True),
    Index("ix_payments_order_id_created_at", "order_id", "created_at"),
    Index("ix_payments_customer_id", "customer_id"),
    Index("ix_payments_runner_id", "runner_id", postgresql_where=text("runner_id IS NOT NULL")),
    Index("ix_payments_held", "looked_at", postgresql_where=text("status = 'AUTHORIZED'")),
    Index("ix_payments_look", "look_at", postgresql_where=text("look_at IS NOT NULL")),
    postgresql_with={"fillfactor": "80"},
)

movements = Table(
    "movements",
    metadata,
    Column("kind", IDENTITY, nullable=False),
    Column("proof", IDENTITY, nullable=False),
    Column("payment_id", Uuid, ForeignKey("payments.payment_id"), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("intent_id", Text),
    Column("by_us", Boolean, nullable=False),
    Column("stray", Boolean, nullable=False, server_default=text("false")),
    Column("detail", Text),
    Column("cause", Text, nullable=False),
    Column("happened_at", INSTANT, nullable=False),
    Column("learnt_at", INSTANT, nullable=False, server_default=NOW),
    PrimaryKeyConstraint("proof", "kind"),
    *checks(MOVEMENTS),
    Index("ix_movements_payment_id", "payment_id"),
    Index("ix_movements_learnt_at", "learnt_at", postgresql_using="brin"),
)

payment_transitions = Table(
    "payment_transitions",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("payment_id", Uuid, ForeignKey("payments.payment_id"), nullable=False),
    Column("from_status", Text),
    Column("to_status", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("at", INSTANT, nullable=False, server_default=text("clock_timestamp()")),
    *checks(PAYMENT_TRANSITIONS),
    Index("ix_payment_transitions_payment_id", "payment_id"),
)

commands = Table(
    "commands",
    metadata,
    Column("correlation_id", IDENTITY, nullable=False),
    Column("command_type", IDENTITY, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("payment_id", Uuid, ForeignKey("payments.payment_id")),
    Column("state", Text, nullable=False),
    Column("recovery_point", Text, nullable=False),
    Column("step_started_at", INSTANT),
    Column("key_generation", Integer, nullable=False, server_default=text("0")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("arrival", BigInteger, Identity(always=True), nullable=False),
    Column("lease_token", Uuid),
    Column("lease_expires_at", INSTANT),
    Column("next_attempt_at", INSTANT),
    Column("last_error", Text),
    Column("outcome", JSONB(none_as_null=True)),
    Column("traceparent", Text),
    Column("revert_event_type", Text),
    Column("received_at", INSTANT, nullable=False, server_default=NOW),
    Column("updated_at", INSTANT, nullable=False, server_default=NOW),
    Column("completed_at", INSTANT),
    PrimaryKeyConstraint("correlation_id", "command_type"),
    *checks(COMMANDS),
    Index(
        "uq_commands_leased_payment",
        "payment_id",
        unique=True,
        postgresql_where=text("lease_token IS NOT NULL"),
    ),
    Index("ix_commands_open_payment", "payment_id", "arrival", postgresql_where=text("state <> 'done'")),
    Index("ix_commands_due", "next_attempt_at", postgresql_where=text("state <> 'done'")),
    postgresql_with={"fillfactor": "80"},
)

outbox = Table(
    "outbox",
    metadata,
    # Before position: the transaction has its xid before it draws a position, so a gap can be outwaited.
    Column("xid", XID8, nullable=False, server_default=text("pg_current_xact_id()")),
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", Uuid, nullable=False),
    Column("topic", Text, nullable=False),
    Column("key", IDENTITY, nullable=False),
    Column("type", Text, nullable=False),
    Column("sequence", BigInteger),
    Column("value", Text, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("replayed", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
    *checks(OUTBOX),
    Index("uq_outbox_event_id", "event_id", unique=True, postgresql_where=text("NOT replayed")),
    Index("uq_outbox_key_sequence", "key", "sequence", unique=True, postgresql_where=text("NOT replayed")),
)

relay_checkpoints = Table(
    "relay_checkpoints",
    metadata,
    Column("relay", IDENTITY, primary_key=True),
    Column("low", BigInteger, nullable=False),
    Column("ranges", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    Column("system_identifier", BigInteger, nullable=False),
    Column("timeline", BigInteger, nullable=False),
    Column("updated_at", INSTANT, nullable=False, server_default=NOW),
    Column("outbox_oid", BigInteger),
    Column("doubt", Text),
    postgresql_with={"fillfactor": "50"},
)

stripe_events = Table(
    "stripe_events",
    metadata,
    Column("event_id", IDENTITY, primary_key=True),
    Column("type", Text, nullable=False),
    Column("object_id", Text),
    Column("payment_id", Uuid),
    Column("result", Text, nullable=False),
    Column("tells", JSONB(none_as_null=True)),
    Column("stripe_created_at", INSTANT),
    Column("received_at", INSTANT, nullable=False, server_default=NOW),
    *checks(STRIPE_EVENTS),
    Index("ix_stripe_events_payment_id", "payment_id", postgresql_where=text("payment_id IS NOT NULL")),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("detail", Text),
    Column("topic", IDENTITY, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("key", BYTEA),
    Column("value", BYTEA),
    Column("headers", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    Column("digest", BYTEA, Computed("sha256(coalesce(value, ''::bytea))", persisted=True), nullable=False),
    Column("state", Text, nullable=False, server_default=text("'open'")),
    Column("received_at", INSTANT, nullable=False, server_default=NOW),
    Column("resolved_at", INSTANT),
    *checks(DEAD_LETTERS),
    Index("uq_dead_letters_origin", "topic", "partition", "offset", "digest", unique=True),
)

request_keys = Table(
    "request_keys",
    metadata,
    Column("route", IDENTITY, nullable=False),
    Column("payment_id", Uuid, nullable=False),
    Column("idempotency_key", IDENTITY, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
    PrimaryKeyConstraint("route", "payment_id", "idempotency_key"),
    *checks(REQUEST_KEYS),
    Index("ix_request_keys_created_at", "created_at"),
)
