"""The core of the tests with each version of PostgreSQL and Kafka, and the page of results."""
