"""The Kafka consumer: commands in, in parallel by key, each durable before its offset is committed."""
