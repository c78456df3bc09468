"""Writers at a steady pace, each in its own process, which report the time of each event by its id.

The clock is CLOCK_MONOTONIC, which all processes of a machine share (Linux manual page clock_gettime(2)).
"""

import time
import uuid
from collections.abc import Callable
from contextlib import closing
from multiprocessing.connection import Connection
from typing import Any

import psycopg2
from confluent_kafka import Producer

_APPEND = """
    INSERT INTO outbox (event_id, topic, key, type, value, headers)
    VALUES (%s, %s, %s, 'payment.authorized', %s, json_build_array(json_build_array('ce_id', %s)))
"""
_VALUE = "x" * 400
_KEYS = 50


def write_to_outbox(answer: Connection, todo: dict[str, Any]) -> None:
    """One transaction for each event; its time is the return of COMMIT."""
    with closing(psycopg2.connect(todo["url"])) as session, session.cursor() as cursor:

        def write(number: int, name: str) -> float:
            cursor.execute(_APPEND, (name, todo["topic"], f"key-{number % _KEYS}", _VALUE, name))
            session.commit()
            return time.monotonic()

        answer.send(_at_pace(write, todo["pace"], todo["events"]))


def write_to_kafka(answer: Connection, todo: dict[str, Any]) -> None:
    """One Kafka transaction for each event, and nothing else; its time is that of produce()."""
    producer = Producer(
        {"bootstrap.servers": todo["bootstrap"], "transactional.id": todo["topic"], "linger.ms": 0, "log_level": 0}
    )
    producer.init_transactions(30)

    def write(number: int, name: str) -> float:
        producer.begin_transaction()
        began = time.monotonic()
        producer.produce(todo["topic"], _VALUE, f"key-{number % _KEYS}", headers=[("ce_id", name)])
        producer.commit_transaction(30)
        return began

    answer.send(_at_pace(write, todo["pace"], todo["events"]))


def _at_pace(write: Callable[[int, str], float], pace: int, events: int) -> dict[str, float]:
    """The next event follows a late one at once, so that the average pace is kept."""
    written, began = {}, time.monotonic()
    for number in range(events):
        time.sleep(max(0.0, began + number / pace - time.monotonic()))
        name = str(uuid.uuid4())
        written[name] = write(number, name)
    return written
