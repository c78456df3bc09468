"""The relay: reads the outbox as a log and publishes each committed row to Kafka.

Writers append rows to the table ``outbox`` in the transaction that changes a payment. The relay reads these rows by
``position``, publishes them to the topic that each row names, and changes no row. It publishes every committed row that
Kafka takes, the rows of one key in commit order, and with exactly-once delivery each row once for ``read_committed``
readers. It knows nothing of payments: it would publish any service's outbox.

Several relays of one ``RELAY_NAME`` may run. One holds an advisory lock in PostgreSQL and works; the others stand by.


States of a process
-------------------

::

                  gets the lock              knows what is published
    standing by ────────────────▶ taking over ────────────────▶ active term
         ▲                             │                             │
         │       retrying              │  PostgreSQL or Kafka fails, │
         └────── 0.25 to 8 s ◀─────────┴─ the lock is lost, a doubt ─┘

    SIGTERM or SIGINT, in every state ──▶ draining ──▶ exit

- Standing by: the relay tries the lock about once a second. A standby is ready.
- Taking over: the relay holds the lock and finds out what is published already. It is not ready.
- Active term: the relay reads, publishes and saves until the term ends.
- Draining: in an active term the relay finishes the batch that it is publishing, waits for its commit and saves the
  checkpoint; a batch that was only read is left to the next term. In every other state there is nothing to finish. The
  exit code is 1 when a batch could not be finished within ``SHUTDOWN_GRACE``.

``stages`` names finer stages for /ready, the log and a metric.


How a term begins
-----------------

1. Get the lock (``leadership``), and end the session in which a predecessor may still write.
2. Make the topics, where the broker allows it.
3. Fence older producers of this name, then read the receipt. In this order: an older relay could otherwise commit
   another batch after the receipt was read (``exactly_once``).
4. Put the outbox's sequence right if it is behind, and keep the reason in the checkpoint as a doubt (``checkpoint``).
5. Decide on the resume point from receipt and checkpoint, and whether it is doubted (``resume_point``).
6. In doubt, compare the outbox with the topics (``published_rows``), commit a receipt that says the result, and publish
   rows first whose positions contradict the order of their key.
7. Take the checkpoint row over. Only this clears the doubt.

A crash after any step is safe: the next term finds the same doubt, or the receipt that answers it. At-least-once
delivery has no receipt, so step 6 belongs to every beginning; it reads the topics only if rows are above the
checkpoint.


How a term ends
---------------

- Draining began.
- The lock is lost: its session broke, or did not answer for 5 s, or its server turned read-only.
- Another relay of this name has fenced the producers.
- A doubt: the last row read has changed, or the database is not the one that the term began with (``doubts``), or the
  checkpoint was restored from a backup.
- PostgreSQL or Kafka failed in a way that a repeated call can't mend.

All of them lead to a new beginning at step 1. A term hands no memory to the next one but receipt and checkpoint.


Threads
-------

==================  ==================================================================================================
Thread              What it does
==================  ==================================================================================================
main                Watches. Cuts connections that hang, and ends the process in time. Never waits for a server.
``relay``           Works: stands by, takes over, publishes. Called "the worker" in this package.
``relay-lock``      Asks the session of the lock once a second, and does nothing else, so no lock of a table delays it.
``relay-ahead``     One call that can't wait in slices: reading the next batch, making topics, comparing.
``relay-commit``    Commits one Kafka transaction while the worker prepares the next one.
``relay-receipt``   Sends one receipt to Kafka. The worker gives up on it after about 4 s.
``relay-discard``   Closes one librdkafka producer that is of no more use.
``relay-lag``       Measures the lag and names the holder of a gap, in a session of its own.
``relay-readers``   Looks for readers that can't skip control records; with exactly-once delivery only.
``relay-tidy``      Collects garbage after a term, because exceptions keep Kafka clients alive in reference cycles.
``ops``             Answers /health, /ready and /metrics where ``OPS_PORT`` is set (``runtime.probes``).
==================  ==================================================================================================

Which thread may call what:

- ``Leadership``, ``Heartbeat.beat`` and publishers belong to the worker. Exceptions: any thread may call
  ``Leadership.sever``, ``Leadership.silence`` and ``Heartbeat.check``.
- A reader and its ``PostgresOutbox`` serve one thread at a time: the worker, or ``relay-ahead`` while the worker waits
  or publishes. Any thread may call ``sever``.
- ``Health`` takes calls from all threads. librdkafka's callbacks reach it in the thread that serves them.
- All threads but main are daemons: a call that hangs can't keep the process alive.


Where trust ends
----------------

The database
    Trusted: a committed row is visible, and its writer holds locks until then; PostgreSQL ends a silent session; an
    ended session writes nothing. Not trusted: that this is the database of the last term, or of the last second. It
    may have been restored, promoted or copied, and hand out used positions again. So the relay reads the last row again
    with each read, and with a read, at most once a second, looks at server, timeline, table and sequence
    (``log_reader``, ``doubts``). Every update of the checkpoint names the transaction that wrote it last.

Kafka
    Trusted: a transaction is committed whole or not at all, and a fenced producer writes nothing. Not trusted: that the
    receipt is there and settles, that a topic exists and takes every record, that topics keep what they got. A record
    in its topic proves that its row is published; a record that is absent proves nothing. In doubt the relay publishes
    again, and readers drop repeats by ``ce_id``.

The clock
    The relay's waits use the monotonic clock. PostgreSQL measures the silence that costs the lock. Only a comparison
    uses wall clocks: it compares times of records with the database's ``created_at``, with 10 minutes of allowance
    where reading starts, and 100 ms where it counts replays.

The contents of a row
    A row that Kafka refuses for itself goes to the dead letters. A row whose topic does not exist waits aside. All
    other rows go on.


Modules
-------

The process and its term
    ``main`` has the process's states and watches the worker. ``leadership`` has the lock and the wake-up of a sleeping
    relay, ``heartbeat`` the check in each wait, ``active_term`` one term, ``takeover`` its beginning, and
    ``publish_loop`` the rest of it. ``health``, ``stages``, ``metrics`` and ``lag`` say what the relay does and waits
    for; ``gap_holder`` names the transaction that holds a gap, ``readers`` readers that lose events. ``database_clock``
    and ``batch_histogram`` measure the time from a row to Kafka's acknowledgment.

Reading
    ``log_reader`` has the reading rule: tail, then writers, then gaps. ``outbox_source`` has its statements, ``gaps``
    the missing positions, ``positions`` the arithmetic of settled positions, ``doubts`` the checks. ``held_back`` holds
    rows back whose topic can't be had, and ``destinations`` knows the topics.

Publishing
    ``delivery`` publishes a batch, or all of it but refused records. ``exactly_once`` and ``at_least_once`` are the two
    publishers; ``transactional_producer`` and ``producer`` wrap librdkafka, ``records`` makes records of rows,
    ``failures`` and ``kafka_errors`` say what an error means. ``traces`` has the spans of a batch and of its rows.

Memory
    ``receipt`` is what Kafka commits with the records, ``checkpoint`` its copy in PostgreSQL, ``resume_point`` the
    decision between them. ``published_rows`` asks the topics in doubt, ``audit`` for operators; both use ``comparison``
    and ``topic_scan``.

The rest
    ``settings``, ``crash_points``, and ``postgres`` for sessions.

docs/decisions/0006-receipt-and-log.md and 0007-two-producers.md have the reasons and what was measured.
"""
