"""The decisions of the service: pure code on the standard library, without database, network or clock.

Times come in as arguments, by the database's clock. Outside of the package only ``runtime.errors`` is imported.

Which module holds which decision:

- What a command does next: ``commands`` (one module for each command), in the terms of ``next_step``.
- How that step is done after a fault or a crash, and which command goes first: ``progress``.
- Which status a payment may take, and which facts it has: ``payment``.
- What an intent's state at Stripe does to the status: ``intent_state``. What a step's result or refusal does:
  ``step_results``.
- Which movements Stripe's objects prove: ``movements``. Their sums: ``ledger``. Which of them are new: ``learning``,
  through which everything from Stripe passes. Their effect on the status, and their news events: ``news``.
- Whether an object at Stripe is ours: ``ours``. Which webhook events count: ``event_types``. Whether the ledger has
  an event's movements already: ``event_proofs``.
- Which command a record holds: ``command_reader``, over ``command_json`` and, for excessive records, ``command_skim``.
  What remains of other records: ``received_records``. Whether two commands say the same: ``content``.
- Which amounts and currencies Stripe accepts: ``money``.
- Events and their envelope: ``events``, ``messages``. Those that a restored database has lost: ``published``.
- What an operator's act is: ``operator_acts``.
- How books and Stripe differ, for the audit: ``books``, ``auditing``, ``audit_sums``.
- What is kept of an audit: ``audit_results``.

``ports`` has the protocols that the gateway implements, ``stripe_objects`` the objects that pass through them, and
``errors`` the errors.
"""
