"""The series of each alert's fault, beside the healthy series."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.unit.operations.healthy_series import CONSUME, NEVER, ONE, OPEN, RELAY, SERVE, SKIPPED, STANDBY, STEPS, ZERO


@dataclass(frozen=True)
class Case:
    """A fault: series that replace or join the healthy ones, and the alert that fires, with labels and summary."""

    alert: str
    series: Mapping[str, str]
    summary: str
    labels: Mapping[str, str] = field(default_factory=dict)


_WORK_AGE = "payment_database_metrics_age_seconds"

CASES = (
    Case(
        "CommandsAreOverdue",
        {f'{OPEN}{{{SERVE},command_type="release_payment",state="pending"}}': "400x120"},
        "A command of type release_payment has waited 6m 40s for its answer",
        {"command_type": "release_payment"},
    ),
    Case(
        "LeasesExpire",
        {f"payment_leases_expired_total{{{CONSUME}}}": f"0+1x{STEPS}"},
        "15 leases expired in 15 minutes: processes die or hang while they work on a payment",
    ),
    Case(
        "DeadLetters",
        {f'payment_dead_letters_open{{{SERVE},reason="NOT_JSON"}}': "2x120"},
        "2 dead letters of reason NOT_JSON wait for an operator",
        {"reason": "NOT_JSON"},
    ),
    Case(
        "ConsumerIsBehind",
        {f'payment_consumer_lag{{{CONSUME},topic="payment_commands",partition="0"}}': "5000x120"},
        "Commands wait in Kafka, or an old one holds the commit position back (5k)",
    ),
    Case(
        "ConsumerIsBehind",
        {f"payment_consumer_oldest_unfinished_seconds{{{CONSUME}}}": "900x120"},
        "Commands wait in Kafka, or an old one holds the commit position back (900)",
    ),
    Case(
        "ConsumerLagIsUnknown",
        {f'payment_consumer_lag{{{CONSUME},topic="payment_commands",partition="1"}}': "-1x120"},
        "The broker does not return the end of payment_commands[1]",
        {"topic": "payment_commands", "partition": "1"},
    ),
    Case(
        "NoConsumerHasJoined",
        {f"payment_consumer_joined{{{CONSUME}}}": ZERO},
        "No consumer is a member of the group: no command is read",
    ),
    Case(
        "CommandsWereDeletedUnread",
        {f'{SKIPPED}{{{CONSUME},topic="payment_commands",partition="2"}}': "_x105 12x15"},
        "12 records of payment_commands[2] were deleted before they were read",
        {"topic": "payment_commands", "partition": "2"},
    ),
    Case(
        "CommandsWereDeletedUnread",
        {f'{SKIPPED}{{{CONSUME},topic="payment_commands",partition="5"}}': "7x105 13x15"},
        "6 records of payment_commands[5] were deleted before they were read",
        {"topic": "payment_commands", "partition": "5"},
    ),
    Case(
        "StripeDoesNotAnswer",
        {f"payment_stripe_unanswered_seconds{{{CONSUME}}}": "0x100 0+60x20"},
        "Stripe has answered no request for 19m 0s; commands are tried again until it does",
    ),
    Case(
        "StripeAnswersWithErrors",
        {f'payment_stripe_calls_total{{{CONSUME},operation="create",result="server_error"}}': f"0+99x{STEPS}"},
        "50% of the requests to Stripe fail",
    ),
    Case(
        "StripeRefusesTheKey",
        {f'payment_stripe_calls_total{{{CONSUME},operation="create",result="key_refused"}}': f"0+1x{STEPS}"},
        "Stripe refuses STRIPE_SECRET_KEY",
    ),
    Case(
        "WebhooksAreRefused",
        {f'payment_webhooks_total{{{SERVE},type="other",result="invalid"}}': f"0+1x{STEPS}"},
        "10 webhooks in 10 minutes were answered with an error (invalid); Stripe sends them again",
        {"result": "invalid"},
    ),
    Case(
        "RelayIsBehind",
        {f"payment_outbox_oldest_waiting_seconds{{{SERVE}}}": "90x120"},
        "The oldest event that is not in Kafka has waited 1m 30s",
    ),
    Case(
        "PublishingIsSlow",
        {
            f'payment_relay_publish_seconds_bucket{{{RELAY},le="0.05"}}': NEVER,
            f'payment_relay_publish_seconds_bucket{{{RELAY},le="10.0"}}': NEVER,
        },
        "1 % of the events take over 29.8s to Kafka's acknowledgment",
    ),
    Case(
        "NoRelayIsActive",
        {f"relay_active{{{RELAY}}}": ZERO},
        "No relay publishes: none runs, or none can begin its work",
    ),
    Case(
        "KafkaIsAway",
        {f'payment_relay_not_ready{{{RELAY},part="kafka"}}': ONE},
        "The relay waits for Kafka: no event is published",
    ),
    Case(
        "AGapIsHeld",
        {f"payment_relay_gap_holder_seconds{{{RELAY}}}": "3600x120"},
        "A transaction of 1h 0m 0s holds its events back, and the outbox can't be pruned above them",
    ),
    Case(
        "RowsWaitForTheirTopic",
        {f'relay_rows_aside{{{RELAY},topic="elsewhere"}}': "4x120"},
        "4 events wait for the topic elsewhere",
        {"topic": "elsewhere"},
    ),
    Case(
        "TheRelayDoubtsItsMemory",
        {f"relay_positions_used_again_total{{{RELAY}}}": "_x112 1x8"}
        | {f"relay_unproven_rows_total{{{RELAY}}}": "_x112 0x8"},
        "The database went back in time, and the relay compared outbox and topics",
    ),
    Case(
        "ReadersLoseEvents",
        {f"relay_readers_losing_events{{{RELAY}}}": "2x120"},
        "2 readers use a library that loses the events of a Kafka transaction",
    ),
    Case(
        "ATopicLosesRecords",
        {f'kafka_topic_faults{{{RELAY},topic="payment_events",setting="cleanup.policy"}}': ONE},
        "The setting cleanup.policy of payment_events loses or refuses records",
        {"topic": "payment_events", "setting": "cleanup.policy"},
    ),
    Case(
        "MoneyIsOwed",
        {f'payment_money_owed{{{SERVE},currency="sgd",owed_to="customer"}}': "1500x120"},
        "1.5k minor units of sgd are owed to the customer",
        {"currency": "sgd", "owed_to": "customer"},
    ),
    Case(
        "HoldsNearTheirEnd",
        {f'payment_holds{{{SERVE},age=">6d"}}': "3x120"},
        "3 holds are older than six days: Stripe cancels them after about seven",
    ),
    Case(
        "HoldsAreNotCanceled",
        {f"payment_holds_to_cancel_oldest_seconds{{{SERVE}}}": "7200x120"},
        "A hold of a failed or reverted payment has not been canceled for 2h 0m 0s",
    ),
    Case(
        "PaymentAuditFoundDifferences",
        {f'payment_audit_differences{{{SERVE},audit="outbox"}}': "3x120"},
        "The outbox audit found 3 differences",
        {"audit": "outbox"},
    ),
    Case(
        "PaymentAuditNotRun",
        {f'payment_audit_age_seconds{{{SERVE},audit="payment"}}': "100000x120"},
        "No payment audit has ended in the last 26 hours",
        {"audit": "payment"},
    ),
    Case(
        "PaymentAuditNotRun",
        {f'payment_audit_age_seconds{{{SERVE},audit="payment"}}': "_x120"},
        "No payment audit has ended in the last 26 hours",
        {"audit": "payment"},
    ),
    Case(
        "AProcessIsDown",
        {f"up{{{STANDBY}}}": ZERO},
        "payment-relay at b does not answer /metrics",
        {"job": "payment-relay", "instance": "b"},
    ),
    Case(
        "LogLinesAreLost",
        {f"payment_log_lines_lost_total{{{CONSUME}}}": "0x105 3x15"},
        "payment-consume at c could not write 3 log lines",
        {"job": "payment-consume", "instance": "c"},
    ),
    Case(
        "TheDatabaseIsAway",
        {f'payment_relay_not_ready{{{STANDBY},part="database"}}': ONE},
        "Processes wait for PostgreSQL",
    ),
    Case(
        "TheDatabaseIsAway",
        {f'{_WORK_AGE}{{{SERVE},group="work"}}': "500x120", f'{_WORK_AGE}{{{CONSUME},group="work"}}': "400x120"},
        "Processes wait for PostgreSQL",
    ),
)
