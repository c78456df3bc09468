"""The guarantees of docs/guarantees.md, word for word (a test compares)."""

EFFECT_ONCE = "A command (correlation id and type) has its effect at Stripe at most once, whatever dies."
ONE_OUTCOME = "Every accepted command gets exactly one outcome event."
ATOMIC = "A payment's change and the messages it causes are committed together, or not at all."
NO_TRANSACTION = "Stripe is never called while a database transaction is open."
ONE_OPERATION = (
    "One operation per payment is in flight at Stripe; who was taken for dead and comes back writes nothing."
)
TAKEN_UP = "What a dead process left is taken up by any other, within seconds."
UNKNOWN = "An unknown outcome is never told as a failure."
HOLDS_NOTHING = 'A payment whose caller was told "failed" or "reverted" holds and moves no money.'
NO_WAY_BACK = "A status never goes back, and one transition is told once."
NOBODY_WAITS = "What cannot be processed keeps nobody waiting."
OFFSETS = "Offsets never pass a record that is not durable."
REQUEST_ONCE = "An HTTP request with an `Idempotency-Key` queues one command, also when its answer was lost."
ANY_ORDER = "Any order and any number of deliveries end in the same state with the same events."
LOST_WEBHOOK = "A webhook that never comes is made up for."
SENT_AGAIN = "A signed webhook is sent again only for a reason that passes."
SLOW_CLIENTS = "Clients that never finish keep nobody waiting."
PROBES = "Probes of relay and consumer are answered whatever others do to their port."
LOGS = (
    "Logs hold no row's values, no local variables, and nothing that a terminal obeys; "
    "nor does what operators' commands print."
)
NOT_SKIPPED = "No committed outbox row is skipped."
IN_ORDER = "One payment's events are published in the order of their commits: `sequence` 1, 2, 3 … in one partition."
PUBLISHED_ONCE = "Each event is published exactly once for `read_committed` readers."
SEVERAL_RELAYS = "Several relays may run, and one that was frozen past its takeover publishes nothing."
MEMORY = "The relay may lose its memory: receipt, checkpoint or both."
RESTORED = "After a restore of the database nothing written since is lost, though its position was used before."
PROVEN = "Outbox and topics can be proven to agree."
ALL_AT_ONCE = "All of it at once"
"""A heading: what shows that the storm and the crash kit would notice."""
