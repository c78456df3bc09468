"""The relay's metrics for Prometheus."""

from prometheus_client import REGISTRY, Counter, Enum, Gauge

from relay.batch_histogram import BatchHistogram
from relay.stages import Stage

PUBLISHED = Counter("relay_published_rows", "Rows published to Kafka")
BATCHES = Counter("relay_batches", "Batches published; with exactly-once delivery each is one Kafka transaction")
REFUSED = Counter("relay_refused_rows", "Rows that Kafka refused for themselves, kept in the dead letters", ["reason"])
RECONCILED = Counter("relay_reconciliations", "Starts at which outbox and topics had to be compared")
POSITIONS_USED_AGAIN = Counter("relay_positions_used_again", "Starts at which positions had been handed out again")
UNPROVEN = Counter("relay_unproven_rows", "Rows published again because nothing proved that they had been")
ERRORS = Counter("relay_errors", "Terms that an error ended, or kept from beginning, by kind of error", ["kind"])
ACTIVE = Gauge("relay_active", "1 during an active term, 0 while this relay stands by or can't work")
STAGE = Enum("relay_stage", "What the relay is doing", states=[stage.name.lower() for stage in Stage])
NOT_READY = Gauge("payment_relay_not_ready", "1 while /ready names this part of the outside world, else 0", ["part"])
BEAT_AGE = Gauge("relay_beat_age_seconds", "Seconds since the last beat of the work, which also beats while it waits")
GAPS = Gauge("payment_relay_gaps", "Ranges of positions that a running transaction may still fill; NaN on a standby")
OPEN_GAPS = Gauge("relay_open_gaps", "payment_relay_gaps by its older name")
GAP_HOLDER_SECONDS = Gauge(
    "payment_relay_gap_holder_seconds",
    "Age of the oldest transaction that may fill a gap, 0 without a gap; NaN on a standby, and while unknown",
)
ASIDE = Gauge("relay_rows_aside", "Rows held back until their topic exists", ["topic"])
READERS_LOSING = Gauge(
    "relay_readers_losing_events",
    "Members of consumer groups whose library can't skip control records; NaN while unknown",
)
LAG_ROWS = Gauge(
    "relay_lag_rows",
    "Committed rows that Kafka has not acknowledged; NaN on a standby, and while it cannot be measured",
)
LAG_SECONDS = Gauge("relay_lag_seconds", "Age of the oldest of these rows, 0 without one; NaN as they are")
PUBLISH_SECONDS = BatchHistogram(
    "payment_relay_publish_seconds",
    "From the created_at of a row (its transaction's begin, by the database's clock) to Kafka's acknowledgment",
    (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0),
)
REGISTRY.register(PUBLISH_SECONDS)
