"""All SQL of the service: the models of its tables, transactions, the outbox, the idempotency table, the inbox."""
