"""Series of healthy processes, in promtool's notation.

A sample a minute: ``3x120`` is 3 for two hours, ``0+1x120`` rises by 1 each minute.
"""

from collections.abc import Mapping

STEPS = 120
ZERO, ONE = f"0x{STEPS}", f"1x{STEPS}"
ALWAYS, NEVER = f"0+10x{STEPS}", ZERO

RELAY, STANDBY = 'job="payment-relay",instance="a"', 'job="payment-relay",instance="b"'
CONSUME, SERVE = 'job="payment-consume",instance="c"', 'job="payment-serve",instance="d"'
_NAN = " ".join(["NaN"] * STEPS)
OPEN = "payment_commands_oldest_open_seconds"
SKIPPED = "payment_consumer_skipped_offsets_total"

HEALTHY: Mapping[str, str] = {
    f"up{{{RELAY}}}": ONE,
    f"up{{{STANDBY}}}": ONE,
    f"up{{{CONSUME}}}": ONE,
    f"up{{{SERVE}}}": ONE,
    'up{job="another",instance="e"}': ZERO,
    f"relay_active{{{RELAY}}}": ONE,
    f"relay_active{{{STANDBY}}}": ZERO,
    f'payment_relay_not_ready{{{RELAY},part="kafka"}}': ZERO,
    f'payment_relay_not_ready{{{RELAY},part="database"}}': ZERO,
    f'payment_relay_not_ready{{{STANDBY},part="kafka"}}': ZERO,
    f'payment_relay_not_ready{{{STANDBY},part="database"}}': ZERO,
    f"payment_relay_gap_holder_seconds{{{RELAY}}}": f"2x{STEPS}",
    f"payment_relay_gap_holder_seconds{{{STANDBY}}}": _NAN,
    f"relay_readers_losing_events{{{RELAY}}}": ZERO,
    f"relay_readers_losing_events{{{STANDBY}}}": _NAN,
    f"relay_positions_used_again_total{{{RELAY}}}": f"1x{STEPS}",
    f"relay_unproven_rows_total{{{RELAY}}}": ZERO,
    f'payment_relay_publish_seconds_bucket{{{RELAY},le="0.05"}}': ALWAYS,
    f'payment_relay_publish_seconds_bucket{{{RELAY},le="10.0"}}': ALWAYS,
    f'payment_relay_publish_seconds_bucket{{{RELAY},le="30.0"}}': ALWAYS,
    f'payment_relay_publish_seconds_bucket{{{RELAY},le="+Inf"}}': ALWAYS,
    f"payment_outbox_oldest_waiting_seconds{{{SERVE}}}": ONE,
    f'kafka_topic_faults{{{RELAY},topic="payment_events",setting="cleanup.policy"}}': ZERO,
    f'{OPEN}{{{SERVE},command_type="release_payment",state="pending"}}': ONE,
    f'{OPEN}{{{SERVE},command_type="authorize_payment",state="waiting"}}': f"4000x{STEPS}",
    f"payment_leases_expired_total{{{CONSUME}}}": ZERO,
    f'payment_consumer_lag{{{CONSUME},topic="payment_commands",partition="0"}}': f"3x{STEPS}",
    f"payment_consumer_oldest_unfinished_seconds{{{CONSUME}}}": f"2x{STEPS}",
    f"payment_consumer_joined{{{CONSUME}}}": ONE,
    f'{SKIPPED}{{{CONSUME},topic="payment_commands",partition="5"}}': f"7x{STEPS}",
    f"payment_log_lines_lost_total{{{CONSUME}}}": f"5x{STEPS}",
    f"payment_stripe_unanswered_seconds{{{CONSUME}}}": ZERO,
    f'payment_stripe_calls_total{{{CONSUME},operation="create",result="ok"}}': f"0+100x{STEPS}",
    f'payment_stripe_calls_total{{{CONSUME},operation="create",result="no_answer"}}': f"0+1x{STEPS}",
    f'payment_stripe_calls_total{{{CONSUME},operation="create",result="key_refused"}}': ZERO,
    f'payment_webhooks_total{{{SERVE},type="other",result="invalid"}}': f"3x{STEPS}",
    f'payment_money_owed{{{SERVE},currency="sgd",owed_to="undecided"}}': f"4500x{STEPS}",
    f'payment_money_owed{{{SERVE},currency="sgd",owed_to="runner"}}': ZERO,
    f'payment_holds{{{SERVE},age=">6d"}}': ZERO,
    f'payment_dead_letters_open{{{SERVE},reason="NOT_JSON"}}': ZERO,
    f'relay_rows_aside{{{RELAY},topic="payment_events"}}': ZERO,
    f"payment_holds_to_cancel_oldest_seconds{{{SERVE}}}": f"40x{STEPS}",
    f'payment_audit_differences{{{SERVE},audit="payment"}}': ZERO,
    f'payment_audit_differences{{{SERVE},audit="outbox"}}': ZERO,
    f'payment_audit_age_seconds{{{SERVE},audit="payment"}}': f"80000x{STEPS}",
    f'payment_audit_age_seconds{{{SERVE},audit="outbox"}}': f"900000x{STEPS}",
    f'payment_database_metrics_age_seconds{{{SERVE},group="audits"}}': f"30x{STEPS}",
    f'payment_database_metrics_age_seconds{{{SERVE},group="work"}}': f"9x{STEPS}",
    f'payment_database_metrics_age_seconds{{{CONSUME},group="work"}}': f"9x{STEPS}",
}
