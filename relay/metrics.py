"""What the relay tells Prometheus."""

from prometheus_client import Counter, Enum, Gauge

from relay.stages import Stage

PUBLISHED = Counter("relay_published_rows", "Rows published to Kafka")
BATCHES = Counter("relay_batches", "Batches published; with exactly-once delivery each is one Kafka transaction")
REFUSED = Counter("relay_refused_rows", "Rows that Kafka refused for themselves, kept in the dead letters", ["reason"])
RECONCILED = Counter("relay_reconciliations", "Starts at which outbox and topics had to be compared")
POSITIONS_USED_AGAIN = Counter("relay_positions_used_again", "Starts at which positions had been handed out again")
UNPROVEN = Counter("relay_unproven_rows", "Rows published again because nothing proved that they had been")
ERRORS = Counter("relay_errors", "What ended a turn as the active relay", ["kind"])
ACTIVE = Gauge("relay_active", "1 while this relay publishes, 0 while it stands by or cannot")
STAGE = Enum("relay_stage", "What the relay is doing", states=[stage.name.lower() for stage in Stage])
BEAT_AGE = Gauge("relay_beat_age_seconds", "Seconds since the work last went on or said that it waits")
GAPS = Gauge("relay_open_gaps", "Ranges of positions that a running transaction may still fill")
ASIDE = Gauge("relay_rows_aside", "Rows that wait for their topic to exist", ["topic"])
READERS_LOSING = Gauge(
    "relay_readers_losing_events",
    "Members of consumer groups whose library can't skip control records; NaN while that is not known",
)
LAG_ROWS = Gauge("relay_lag_rows", "Positions not published yet; NaN on a standby, and when it cannot be measured")
LAG_SECONDS = Gauge("relay_lag_seconds", "Age of the oldest row not published yet; NaN as relay_lag_rows")
