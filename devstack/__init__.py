"""The world the service runs in, on one machine: PostgreSQL, Kafka and Stripe, for demo, development and tests."""
