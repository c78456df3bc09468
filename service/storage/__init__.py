"""Everything that knows SQL: tables, transactions, the outbox, the idempotency table, the inbox."""
