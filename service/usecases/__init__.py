"""The use cases: every transaction of the service, and the calls to Stripe between them.

A command passes through four phases:

1. Accept (``accept``). One transaction stores the command under its key and, for an authorize, the payment. A key that
   is taken has no second effect: equal content is ignored, other content becomes a dead letter.
2. Claim (``claim``). Under the payment's row lock the command takes the payment's one lease. The same transaction plans
   the next step from the payment's facts and commits it as the recovery point (``commit_step``). A new command is
   claimed within the transaction that accepts it, if no other command of its payment goes first.
3. Call (``call``). The step is done at Stripe under its idempotency key (``claimed``), or a look shows whether it is
   done. No transaction is open: the gateway raises TransactionOpenError otherwise.
4. Record (``record_result``, ``record``). One transaction stores the result: the payment, its movements, its events in
   the outbox, and the command's next step, its wait or its end.

``run_command`` is the loop. It calls and records until the command is answered, waits, or meets a passing fault; then
it claims the payment's next command.

Leases. A lease has a fencing token and an expiry time. ``lease_keeper`` renews it while the loop runs. The record phase
checks the token and raises LeaseLostError when it no longer holds. A passing fault ends the lease and sets the time of
the next attempt. The lease of a process that died expires, and ``due_commands`` hands the command to another worker, in
any consumer.

Two more ways lead from Stripe to a payment. Both lock the payment's row, take no lease, and write with ``record``:

- ``stripe_events`` takes webhooks. It never calls Stripe.
- ``reconcile`` looks at Stripe and compares. It gives way to a command that holds the lease. ``due_looks`` calls it for
  the looks that events and step results asked for, ``due_commands`` for held payments at intervals.

HTTP callers read with ``queries``, and ``queue_command`` appends their commands to the outbox. ``holds`` says
when a hold that could not be canceled is tried again. ``telemetry`` has the log lines and counters of commands, and
``database_metrics`` shows figures of the whole database. ``dead_letters`` keeps records that cannot be processed.
``operations`` has the operators' use cases.

Outside of this package: SQL (``storage``), Stripe's library (behind ``domain.ports``), the decisions (``domain``),
threads and Kafka (the consumer), HTTP (``api``).
"""
