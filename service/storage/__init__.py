"""Everything that knows SQL: the models of its tables, transactions, the outbox, the idempotency table, the inbox."""
