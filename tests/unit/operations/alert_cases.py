"""For each alert: series in which its fault is there, beside a world in which all is well.

Series are in promtool's notation, a sample a minute: ``3x120`` is 3 for two hours, ``0+1x120`` rises by 1 each minute.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

STEPS = 120
_ZERO, _ONE, _RISES = f"0x{STEPS}", f"1x{STEPS}", f"0+10x{STEPS}"
_ALWAYS, _NEVER = _RISES, _ZERO

_RELAY, _STANDBY = 'job="payment-relay",instance="a"', 'job="payment-relay",instance="b"'
_CONSUME, _SERVE = 'job="payment-consume",instance="c"', 'job="payment-serve",instance="d"'
_NAN = " ".join(["NaN"] * STEPS)
_OPEN = "payment_commands_oldest_open_seconds"

HEALTHY: Mapping[str, str] = {
    f"up{{{_RELAY}}}": _ONE,
    f"up{{{_STANDBY}}}": _ONE,
    f"up{{{_CONSUME}}}": _ONE,
    f"up{{{_SERVE}}}": _ONE,
    'up{job="another",instance="e"}': _ZERO,
    f"relay_active{{{_RELAY}}}": _ONE,
    f"relay_active{{{_STANDBY}}}": _ZERO,
    f'payment_relay_not_ready{{{_RELAY},part="kafka"}}': _ZERO,
    f'payment_relay_not_ready{{{_RELAY},part="database"}}': _ZERO,
    f'payment_relay_not_ready{{{_STANDBY},part="kafka"}}': _ZERO,
    f'payment_relay_not_ready{{{_STANDBY},part="database"}}': _ZERO,
    f"payment_relay_gap_holder_seconds{{{_RELAY}}}": f"2x{STEPS}",
    f"payment_relay_gap_holder_seconds{{{_STANDBY}}}": _NAN,
    f"relay_readers_losing_events{{{_RELAY}}}": _ZERO,
    f"relay_readers_losing_events{{{_STANDBY}}}": _NAN,
    f"relay_positions_used_again_total{{{_RELAY}}}": f"1x{STEPS}",
    f"relay_unproven_rows_total{{{_RELAY}}}": _ZERO,
    f'payment_relay_publish_seconds_bucket{{{_RELAY},le="0.05"}}': _ALWAYS,
    f'payment_relay_publish_seconds_bucket{{{_RELAY},le="10.0"}}': _ALWAYS,
    f'payment_relay_publish_seconds_bucket{{{_RELAY},le="30.0"}}': _ALWAYS,
    f'payment_relay_publish_seconds_bucket{{{_RELAY},le="+Inf"}}': _ALWAYS,
    f"payment_outbox_oldest_waiting_seconds{{{_SERVE}}}": _ONE,
    f'kafka_topic_faults{{{_RELAY},topic="payment_events",setting="cleanup.policy"}}': _ZERO,
    f'{_OPEN}{{{_SERVE},command_type="release_payment",state="pending"}}': _ONE,
    f'{_OPEN}{{{_SERVE},command_type="authorize_payment",state="waiting"}}': f"4000x{STEPS}",
    f"payment_leases_expired_total{{{_CONSUME}}}": _ZERO,
    f'payment_consumer_lag{{{_CONSUME},topic="payment_commands",partition="0"}}': f"3x{STEPS}",
    f"payment_consumer_oldest_unfinished_seconds{{{_CONSUME}}}": f"2x{STEPS}",
    f"payment_consumer_joined{{{_CONSUME}}}": _ONE,
    f'payment_consumer_skipped_offsets_total{{{_CONSUME},topic="payment_commands",partition="5"}}': f"7x{STEPS}",
    f"payment_stripe_unanswered_seconds{{{_CONSUME}}}": _ZERO,
    f'payment_stripe_calls_total{{{_CONSUME},operation="create",result="ok"}}': f"0+100x{STEPS}",
    f'payment_stripe_calls_total{{{_CONSUME},operation="create",result="no_answer"}}': f"0+1x{STEPS}",
    f'payment_stripe_calls_total{{{_CONSUME},operation="create",result="key_refused"}}': _ZERO,
    f'payment_webhooks_total{{{_SERVE},type="other",result="invalid"}}': f"3x{STEPS}",
    f'payment_money_owed{{{_SERVE},currency="sgd",owed_to="undecided"}}': f"4500x{STEPS}",
    f'payment_holds{{{_SERVE},age=">6d"}}': _ZERO,
    f"payment_holds_to_cancel_oldest_seconds{{{_SERVE}}}": f"40x{STEPS}",
    f'payment_database_metrics_age_seconds{{{_SERVE},group="work"}}': f"9x{STEPS}",
    f'payment_database_metrics_age_seconds{{{_CONSUME},group="work"}}': f"9x{STEPS}",
}


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
        {f'{_OPEN}{{{_SERVE},command_type="release_payment",state="pending"}}': "400x120"},
        "A command of type release_payment has waited 6m 40s for its answer",
        {"command_type": "release_payment"},
    ),
    Case(
        "LeasesExpire",
        {f"payment_leases_expired_total{{{_CONSUME}}}": f"0+1x{STEPS}"},
        "15 leases expired in 15 minutes: processes die or hang while they work on a payment",
    ),
    Case(
        "DeadLetters",
        {f'payment_dead_letters_open{{{_SERVE},reason="NOT_JSON"}}': "2x120"},
        "2 dead letters of reason NOT_JSON wait for an operator",
        {"reason": "NOT_JSON"},
    ),
    Case(
        "ConsumerIsBehind",
        {f'payment_consumer_lag{{{_CONSUME},topic="payment_commands",partition="0"}}': "5000x120"},
        "Commands wait in Kafka, or an old one holds the commit position back (5k)",
    ),
    Case(
        "ConsumerIsBehind",
        {f"payment_consumer_oldest_unfinished_seconds{{{_CONSUME}}}": "900x120"},
        "Commands wait in Kafka, or an old one holds the commit position back (900)",
    ),
    Case(
        "ConsumerLagIsUnknown",
        {f'payment_consumer_lag{{{_CONSUME},topic="payment_commands",partition="1"}}': "-1x120"},
        "The broker does not return the end of payment_commands[1]",
        {"topic": "payment_commands", "partition": "1"},
    ),
    Case(
        "NoConsumerHasJoined",
        {f"payment_consumer_joined{{{_CONSUME}}}": _ZERO},
        "No consumer is a member of the group: no command is read",
    ),
    Case(
        "CommandsWereDeletedUnread",
        {
            f'payment_consumer_skipped_offsets_total{{{_CONSUME},topic="payment_commands",partition="2"}}': (
                "_x105 12x15"
            )
        },
        "12 records of payment_commands[2] were deleted before they were read",
        {"topic": "payment_commands", "partition": "2"},
    ),
    Case(
        "StripeDoesNotAnswer",
        {f"payment_stripe_unanswered_seconds{{{_CONSUME}}}": "0x100 0+60x20"},
        "Stripe has answered no request for 19m 0s; commands are tried again until it does",
    ),
    Case(
        "StripeAnswersWithErrors",
        {f'payment_stripe_calls_total{{{_CONSUME},operation="create",result="server_error"}}': f"0+99x{STEPS}"},
        "50% of the requests to Stripe fail",
    ),
    Case(
        "StripeRefusesTheKey",
        {f'payment_stripe_calls_total{{{_CONSUME},operation="create",result="key_refused"}}': f"0+1x{STEPS}"},
        "Stripe refuses STRIPE_SECRET_KEY",
    ),
    Case(
        "WebhooksAreRefused",
        {f'payment_webhooks_total{{{_SERVE},type="other",result="invalid"}}': f"0+1x{STEPS}"},
        "10 webhooks in 10 minutes were answered with an error (invalid); Stripe sends them again",
        {"result": "invalid"},
    ),
    Case(
        "RelayIsBehind",
        {f"payment_outbox_oldest_waiting_seconds{{{_SERVE}}}": "90x120"},
        "The oldest event that is not in Kafka has waited 1m 30s",
    ),
    Case(
        "PublishingIsSlow",
        {
            f'payment_relay_publish_seconds_bucket{{{_RELAY},le="0.05"}}': _NEVER,
            f'payment_relay_publish_seconds_bucket{{{_RELAY},le="10.0"}}': _NEVER,
        },
        "1 % of the events take over 29.8s to Kafka's acknowledgment",
    ),
    Case(
        "NoRelayIsActive",
        {f"relay_active{{{_RELAY}}}": _ZERO},
        "No relay publishes: none runs, or none can begin its work",
    ),
    Case(
        "KafkaIsAway",
        {f'payment_relay_not_ready{{{_RELAY},part="kafka"}}': _ONE},
        "The relay waits for Kafka: no event is published",
    ),
    Case(
        "AGapIsHeld",
        {f"payment_relay_gap_holder_seconds{{{_RELAY}}}": "3600x120"},
        "A transaction of 1h 0m 0s holds its events back, and the outbox can't be pruned above them",
    ),
    Case(
        "RowsWaitForTheirTopic",
        {f'relay_rows_aside{{{_RELAY},topic="elsewhere"}}': "4x120"},
        "4 events wait for the topic elsewhere",
        {"topic": "elsewhere"},
    ),
    Case(
        "TheRelayDoubtsItsMemory",
        {f"relay_positions_used_again_total{{{_RELAY}}}": "_x112 1x8"}
        | {f"relay_unproven_rows_total{{{_RELAY}}}": "_x112 0x8"},
        "The database went back in time, and the relay compared outbox and topics",
    ),
    Case(
        "ReadersLoseEvents",
        {f"relay_readers_losing_events{{{_RELAY}}}": "2x120"},
        "2 readers use a library that loses the events of a Kafka transaction",
    ),
    Case(
        "ATopicLosesRecords",
        {f'kafka_topic_faults{{{_RELAY},topic="payment_events",setting="cleanup.policy"}}': _ONE},
        "The setting cleanup.policy of payment_events loses or refuses records",
        {"topic": "payment_events", "setting": "cleanup.policy"},
    ),
    Case(
        "MoneyIsOwed",
        {f'payment_money_owed{{{_SERVE},currency="sgd",owed_to="customer"}}': "1500x120"},
        "1.5k minor units of sgd are owed to the customer",
        {"currency": "sgd", "owed_to": "customer"},
    ),
    Case(
        "HoldsNearTheirEnd",
        {f'payment_holds{{{_SERVE},age=">6d"}}': "3x120"},
        "3 holds are older than six days: Stripe cancels them after about seven",
    ),
    Case(
        "HoldsAreNotCanceled",
        {f"payment_holds_to_cancel_oldest_seconds{{{_SERVE}}}": "7200x120"},
        "A hold of a failed or reverted payment has not been canceled for 2h 0m 0s",
    ),
    Case(
        "AProcessIsDown",
        {f"up{{{_STANDBY}}}": _ZERO},
        "payment-relay at b does not answer /metrics",
        {"job": "payment-relay", "instance": "b"},
    ),
    Case(
        "TheDatabaseIsAway",
        {f'payment_relay_not_ready{{{_STANDBY},part="database"}}': _ONE},
        "Processes wait for PostgreSQL",
    ),
    Case(
        "TheDatabaseIsAway",
        {f'{_WORK_AGE}{{{_SERVE},group="work"}}': "500x120", f'{_WORK_AGE}{{{_CONSUME},group="work"}}': "400x120"},
        "Processes wait for PostgreSQL",
    ),
)
