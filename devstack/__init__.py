"""The service's environment on one machine: PostgreSQL, Kafka and Stripe, for demo, development and tests."""
