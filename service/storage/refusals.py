"""The check constraints of each table: name → SQL condition. A test compares them with those of the migrations."""

from collections.abc import Iterable, Mapping

from sqlalchemy import CheckConstraint

from service.domain.audit_results import AuditKind
from service.domain.commands.command import CommandType
from service.domain.ledger import MovementKind
from service.domain.operator_acts import ACTION_NAME, LONGEST_NAME, LONGEST_REASON, Channel
from service.domain.payment import MONEY_FIELDS, PaymentStatus
from service.domain.progress import CommandState


def one_of(column: str, values: Iterable[str]) -> str:
    """SQL condition: ``column`` holds one of ``values``."""
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


def _length(column: str) -> str:
    """Condition for an id: the length that the contract allows."""
    return f"char_length({column}) BETWEEN 1 AND 255"


def _begins(column: str, *prefixes: str) -> str:
    """Condition for an id of Stripe's, if present: its prefix names the kind of its object (Stripe API reference)."""
    return " OR ".join(f"starts_with({column}, '{prefix}')" for prefix in prefixes)


PAYMENTS = {
    "amount_positive": "amount > 0",
    "currency_code": "currency ~ '^[a-z]{3}$'",
    "status_known": one_of("status", list(PaymentStatus)),
    "transfer_after_capture": "stripe_transfer_id IS NULL OR captured_at IS NOT NULL",
    # A currency without an amount is possible: it is that of an outsider's transfer of the charge.
    "transfer_known": "(transfer_amount IS NULL OR transfer_currency IS NOT NULL) AND transfer_amount > 0",
    "sums_above_zero": f"least({', '.join(MONEY_FIELDS)}) >= 0",
    "refunded_of_captured": "refunded <= captured",
    "reversed_of_transferred": "reversed <= transferred",
    "reversal_of_transfer": "stripe_reversal_id IS NULL OR stripe_transfer_id IS NOT NULL",
    "succeeded_is_captured": "status <> 'SUCCEEDED' OR captured_at IS NOT NULL",
    "failed_says_why": "status <> 'FAILED' OR failure IS NOT NULL",
    "order_id_length": _length("order_id"),
    "customer_id_length": _length("customer_id"),
    "authorize_correlation_id_length": _length("authorize_correlation_id"),
    "event_sequence_counts": "event_sequence >= 0",
    "new_movements_filed": "new_movements IS NULL",
    "status_has_intent": "status IN ('INITIATING', 'FAILED', 'REVERTED') OR stripe_payment_intent_id IS NOT NULL",
    "intent_id_of_stripe": _begins("stripe_payment_intent_id", "pi_"),
    "charge_id_of_stripe": _begins("stripe_charge_id", "ch_", "py_"),
    "transfer_id_of_stripe": _begins("stripe_transfer_id", "tr_"),
    "reversal_id_of_stripe": _begins("stripe_reversal_id", "trr_"),
    "refund_id_of_stripe": _begins("stripe_refund_id", "re_", "pyr_"),
}

PROOFS = ("stripe_charge_id", "stripe_transfer_id", "stripe_reversal_id", "stripe_refund_id")
"""Columns whose Stripe object may belong to one payment only."""

_PROOFS_OF: dict[tuple[MovementKind, ...], tuple[str, ...]] = {
    (MovementKind.HOLD, MovementKind.HOLD_GONE, MovementKind.CAPTURE): ("ch", "py"),
    (MovementKind.REFUND, MovementKind.REFUND_FAILED): ("re", "pyr"),
    (MovementKind.TRANSFER,): ("tr",),
    (MovementKind.REVERSAL,): ("trr",),
    (
        MovementKind.DISPUTE_OPENED,
        MovementKind.DISPUTE_WITHDRAWN,
        MovementKind.DISPUTE_REINSTATED,
        MovementKind.DISPUTE_CLOSED,
    ): ("du", "dp"),
}
"""Kinds of movements → prefixes of the Stripe ids that prove them (Stripe API reference)."""


def _any(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"({'|'.join(words)})"


_KINDS_AND_PROOFS = "|".join(f"{_any(kinds)} {_any(proofs)}" for kinds, proofs in _PROOFS_OF.items())

MOVEMENTS = {
    "amount_positive": "amount > 0",
    "currency_code": "currency ~ '^[a-z]{3}$'",
    "cause_told": "cause <> ''",
    "intent_id_of_stripe": _begins("intent_id", "pi_"),
    # One regular expression: PostgreSQL reads a condition's stored form at every statement, and long lists slow it.
    "proof_of_kind": f"(kind || ' ' || proof) ~ '^({_KINDS_AND_PROOFS})_'",
}

PAYMENT_TRANSITIONS = {
    "status_known": (
        f"{one_of('to_status', list(PaymentStatus))} "
        f"AND (from_status IS NULL OR {one_of('from_status', list(PaymentStatus))})"
    ),
    "status_changes": "from_status IS NULL OR from_status <> to_status",
    "cause_told": "cause <> ''",
}

COMMANDS = {
    "correlation_id_length": _length("correlation_id"),
    # A command refused for its unknown type is stored as answered, without a payment.
    "type_known": f"{one_of('command_type', list(CommandType))} OR (state = 'done' AND payment_id IS NULL)",
    # No record from outside can take the command key of an internal command.
    "own_names_its_payment": (
        "command_type <> 'cancel_hold' OR (payment_id IS NOT NULL AND starts_with(correlation_id, 'pi_'))"
    ),
    "state_known": one_of("state", list(CommandState)),
    "lease_whole": "(lease_token IS NULL) = (lease_expires_at IS NULL)",
    "lease_only_while_pending": "state = 'pending' OR lease_token IS NULL",
    "done_is_timed": "(state = 'done') = (completed_at IS NOT NULL)",
    "open_is_scheduled": "state = 'done' OR next_attempt_at IS NOT NULL",
    "open_has_payment": "state = 'done' OR payment_id IS NOT NULL",
    "outcome_when_done": "state = 'done' OR outcome IS NULL",
    "done_says_how": "state <> 'done' OR outcome IS NOT NULL OR payment_id IS NULL OR command_type = 'cancel_hold'",
    "attempts_count": "attempts >= 0",
    "key_generation_counts": "key_generation >= 0",
    "recovery_point_told": "recovery_point <> ''",
    "fingerprint_length": "octet_length(fingerprint) = 32",
    "payload_is_object": "jsonb_typeof(payload) = 'object'",
    "revert_event_type_known": "revert_event_type ~ '^payment[.](reverted|failed|released)$'",
    "reopened_counts": "reopened >= 0",
    "reopened_is_timed": "(reopened = 0) = (reopened_at IS NULL)",
}

OUTBOX = {
    "position_counts": "position >= 1",
    "sequence_counts": "sequence >= 1",
    # Kafka accepts no other name: up to 249 characters, ASCII letters, digits, '.', '_' and '-'.
    "topic_name": "char_length(topic) <= 249 AND topic ~ '^[A-Za-z0-9._-]+$'",
    "type_told": "type <> ''",
    "key_size": "octet_length(key) <= 2048",
    "value_size": "octet_length(value) <= 67108864",
    "headers_are_list": "json_typeof(headers) = 'array'",
}

STRIPE_EVENTS = {"event_id_told": "event_id <> ''", "type_told": "type <> ''", "result_told": "result <> ''"}

# No rule about their content: a record that cannot be processed must fit in here, or it would block other records.
DEAD_LETTERS = {
    "state_known": one_of("state", ["open", "retried", "discarded"]),
    "reason_told": "reason <> ''",
    "resolved_is_timed": "(state = 'open') = (resolved_at IS NULL)",
}

REQUEST_KEYS = {
    "route_told": "route <> ''",
    "idempotency_key_told": "idempotency_key <> ''",
    "correlation_id_length": _length("correlation_id"),
}

OPERATOR_ACTIONS = {
    "operator_length": f"char_length(operator) BETWEEN 1 AND {LONGEST_NAME}",
    "channel_known": one_of("channel", list(Channel)),
    "action_name": f"action ~ '^{ACTION_NAME}$'",
    "correlation_id_length": _length("correlation_id"),
    "command_whole": "command_type IS NULL OR correlation_id IS NOT NULL",
    "reason_length": f"char_length(reason) BETWEEN 1 AND {LONGEST_REASON} AND reason ~ '[^[:space:]]'",
    "detail_is_object": "jsonb_typeof(detail) = 'object'",
}

AUDITS = {
    "kind_known": one_of("kind", list(AuditKind)),
    "counts": "least(compared, differences, repaired) >= 0",
}


def checks(conditions: Mapping[str, str]) -> list[CheckConstraint]:
    """These conditions as a table's constraints."""
    return [CheckConstraint(condition, name=name) for name, condition in conditions.items()]
