"""Reads a topic with the library of the published sagas until it is killed, and prints each event's ``ce_id``.

It is a separate program, because that library conflicts with newer ones. It decodes as the sagas do: a record that it
cannot decode raises in ``poll`` and loses all records fetched with it.
"""

import json
import sys
import time

from kafka import KafkaConsumer, TopicPartition


def main() -> None:
    """Arguments: ``bootstrap_servers topic``."""
    bootstrap_servers, topic = sys.argv[1:]
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        value_deserializer=lambda value: json.loads(value.decode("utf-8")),
    )
    while not (numbers := consumer.partitions_for_topic(topic)):
        time.sleep(0.2)
    consumer.assign([TopicPartition(topic, number) for number in numbers])
    while True:
        try:
            polled = consumer.poll(timeout_ms=200)
        except ValueError:
            continue
        for record in (record for records in polled.values() for record in records):
            sys.stdout.write(f"{dict(record.headers)['ce_id'].decode()}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
