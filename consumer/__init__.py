"""The consumer: reads commands from Kafka, runs them in parallel, and commits offsets behind the slowest one.

A command waits for Stripe for hundreds of milliseconds, so one at a time would be a few a second. The consumer runs
commands of different ordering keys at once and commands of one key in the order of their records. An ordering key is a
payment or an order. The offset of a record is committed only after the database holds its effect.

It also runs unfinished commands that the database lists as due: attempts that were put off, and commands of dead
processes.


The way of a record
-------------------

::

    Kafka ──▶ polling thread ──▶ keyed queue ──▶ workers ──▶ use cases ──▶ database, Stripe
                   ▲                  ▲             │
                   │                  │             └──▶ offset tracker: this record is durable
                   │                  │                         │
                   │              completer ◀── database:       │
                   │                            due commands    │
                   └──────── offsets to commit ◀────────────────┘

1. The polling thread takes one record at a time (``poll_loop``). ``intake`` reads the command in it, notes the offset
   as unfinished, and puts a job into the queue.
2. The keyed queue runs one job of a key at a time. A job that fails for a passing reason sets its key aside for 0.2 to
   10 s; the other keys go on. Copies of one record wait as one job (``keyed_queue``).
3. A worker runs the job (``workers``). A record that can't be read, or that the database refuses five times for its
   contents, becomes a dead letter (``giving_up``), so it never blocks its key for good.
4. Once the job has returned, the offset is finished. Once a second the polling thread commits each partition up to its
   lowest unfinished offset, never past it (``offsets``, ``assignment``).

A record that is delivered again has no second effect: the use cases know the command by its command key.


States of a process
-------------------

::

    joining the group ──▶ placing ──▶ reading ◀──▶ full
            ▲                            │
            └──────── handing over ◀─────┘

    SIGTERM or SIGINT, or a fatal error of librdkafka ──▶ draining ──▶ exit

- Placing: before a partition is read, Kafka is asked where to start (``starts``): at the group's committed offset, if
  that offset belongs to this very topic, else at the first record. Skipped and lost records are logged, counted and,
  for a minute, shown in /ready (``missing``). ``auto.offset.reset`` decides nothing.
- Full: all partitions pause while the jobs in memory take 4 x ``CONSUMER_CONCURRENCY`` places or 64 MiB, and resume at
  half of both. One key takes 8 places at most, whatever waits in it. Nothing else pauses a partition.
- Handing over: partitions go to another process. Jobs that run get 5 s, jobs that wait are dropped, finished offsets
  are committed. The new owner gets the rest delivered again. Of partitions that are lost nothing is committed.
- Draining: no new job starts. Jobs that run get ``SHUTDOWN_GRACE`` less 4 s. Then the offsets are committed, Kafka has
  2 s to acknowledge them, and the process leaves the group. The exit code is 1 after a fatal error of librdkafka.

``stages`` names what the polling thread does, for /ready, the log and a metric.


Threads
-------

======================  ==============================================================================================
Thread                  What it does
======================  ==============================================================================================
main                    The polling thread: polls, places, pauses, commits, hands over. librdkafka calls back in it.
``worker-N``            Runs jobs. There are ``CONSUMER_CONCURRENCY`` of them, and they live as long as the process.
``completer``           Asks the database for due commands about once a second, and offers them to the workers.
``watch``               Logs a fault when it begins, once a minute while it lasts, and when it is over.
``consumer-diagnosis``  Finds out why the group is not joined, once the wait is long.
``ops``                 Answers /health, /ready and /metrics where ``OPS_PORT`` is set (``runtime.probes``).
======================  ==============================================================================================

Which thread may call what:

- The client of Kafka, ``Assignment``, ``Starts`` and ``TopicIdentity`` belong to the polling thread.
- ``Workers`` and ``OffsetTracker`` have locks: any thread may call them. ``KeyedQueue`` has none; ``Workers`` guards
  it.
- ``Stages``, ``Missing`` and ``KafkaHealth`` are written by the polling thread and read by any.
- All threads but main are daemons: a job that hangs can't keep the process alive.


Where trust ends
----------------

- A process may die at any moment. A record whose offset is not committed is delivered again, and the lease of an
  accepted command expires; any consumer then takes the command up.
- Two processes may run jobs of one payment at once, after a rebalance. The lease in the database keeps one operation
  per payment, not this package.
- A rebalance may take a partition away and give it back. Each assignment is another claim, and only jobs of the current
  claim count for its offsets.
- Kafka may have deleted records, or hold another topic of the same name. Offsets are committed together with the
  topic's id, and the id is compared every two seconds (``identity``).
- The time of a record is its sender's word. At most it makes a command ask Stripe before it acts. No wall clock of a
  host decides anything here.


Modules
-------

The process: ``main`` wires it and drains it, ``settings`` and ``client`` configure it.
Records: ``poll_loop``, ``intake``, ``giving_up``. ``ports`` says what the use cases must offer.
Jobs: ``keyed_queue``, ``workers``, ``completer``.
Partitions: ``assignment``, ``offsets``, ``starts``, ``identity``, ``missing``.
Signs: ``health``, ``joining``, ``lag``, ``stages``, ``watch``, ``metrics``; ``crash_points`` for tests.
"""
