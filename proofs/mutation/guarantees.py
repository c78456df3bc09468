"""The guarantees of docs/guarantees.md, word for word (a test compares)."""

EFFECT_ONCE = (
    "A command (correlation id and type) has its effect at Stripe at most once, whichever process or server dies."
)
ONE_OUTCOME = "Every accepted command gets exactly one outcome event."
ATOMIC = "A payment's change and the messages it causes are committed together, or not at all."
NO_TRANSACTION = "Stripe is never called while a database transaction is open."
ONE_OPERATION = (
    "One operation per payment is in flight at Stripe, and a worker that was presumed dead "
    "writes nothing after a takeover."
)
TAKEN_UP = "Any consumer takes up the work of a dead process within seconds."
UNKNOWN = "An unknown outcome is never reported as a failure."
HOLDS_NOTHING = 'A payment that was reported as "failed" or "reverted" holds and moves no money.'
NOT_PAID_TWICE = "A runner is not paid with money that the customer or a bank has taken back."
OURS = "A Stripe object is believed only if this service would have made it the same."
LEDGER = "A payment's money is the sum of the movements that Stripe's objects prove, to the cent, whoever moved it."
PROVABLE_MONEY = "The books and Stripe can be proven to agree to the cent."
OTHERS_TOLD = "A movement that others make of a payment's money is reported once, as news."
WAY_OUT = "No state of a payment is a dead end."
NO_WAY_BACK = "A status never goes back, and each transition is reported once."
REFUSED = (
    "No writer can store a contradictory state: one transfer of two payments, another amount "
    "after the hold, an unpublished row deleted."
)
OURS_ALONE = "A record from outside cannot use the name of one of the service's own commands."
ONE_CLOCK = "No host's clock decides back-off, deadlines or leases; the database's clock does."
IN_USE = "Work goes on during a migration: the previous release stays ready, and writers wait for moments only."
NOBODY_WAITS = "A record that cannot be processed delays no other record."
REFUSED_RECORD = "A record that the database refuses delays no other record."
LOCKED_ROW = "A payment whose row is locked delays no other payment."
SILENT_DATABASE = "A silent database is reported at once, and its connections are given up within 15 s."
FAILOVER = "A failover needs no restart, even if it ends no connection."
OWN_DATABASE = (
    "A database with another program's tables, or one that cannot hold every text, is refused before anything changes."
)
MIGRATION = "An expanding migration needs no restart."
OFFSETS = "Offsets never pass a record that is not durable."
ALL_READ = "Each record of the commands topic is read, however its partition moves between consumers."
MISSING = "Records that are deleted before they are read are reported."
MEMORY_BOUNDED = "No record can exhaust the consumer's memory."
REQUEST_ONCE = "An HTTP request with an `Idempotency-Key` queues one command, even when its answer was lost."
ANY_ORDER = "Webhooks in any order and any number end in the same state with the same events."
LOST_WEBHOOK = "Scheduled looks make up for lost webhooks."
SENT_AGAIN = "Stripe has to send a signed webhook again only after a passing fault."
SLOW_CLIENTS = "Clients that never finish delay no other client."
PROBES = "Probes of relay and consumer are answered, whatever other clients do to the port."
LOGS = (
    "Logs hold no row's values and no local variables, and neither logs nor operators' "
    "commands print anything that a terminal obeys."
)
NOT_SKIPPED = "No committed outbox row is skipped."
IN_ORDER = "One payment's events are published in the order of their commits: `sequence` 1, 2, 3 … in one partition."
PUBLISHED_ONCE = "Each event is published exactly once for `read_committed` readers."
AT_LEAST_ONCE = "With `RELAY_DELIVERY=at-least-once` a killed process repeats nothing, wherever it is killed."
READERS_NAMED = "Readers that lose the records of transactions are named."
SEVERAL_RELAYS = "Several relays may run, and a relay that was frozen past its takeover publishes nothing."
ROWS_APART = "The content of a row, or a missing topic, delays no rows of other topics or keys."
STANDS_STILL = "A relay that makes no progress names the cause, and ends within `SHUTDOWN_GRACE` whatever hangs."
TOPICS_TOLD = "A topic whose settings lose records is reported by consumer and relay at their start, and by `doctor`."
UNATTENDED = "`doctor` reports an error while work waits for a process that does not run."
MEMORY = "The relay survives the loss of its receipt, its checkpoint or both."
SENT_AGAIN_AFTER_LOSS = (
    "Commands that are sent again after a restore that lost their rows move no money, and are answered."
)
RESTORED = (
    "After a restore of the database every row written since is published, although its position was used before."
)
PROMOTED = "After a promotion that lost nothing, no row is skipped and none is published twice."
USED_AGAIN = "A row at a position that was handed out again is published, and does not count as published before that."
PROVEN = "Outbox and topics can be proven to agree."
ALL_AT_ONCE = "All of it at once"
"""A heading: what shows that the chaos run and the crash kit would notice."""
