"""The payment part of the published notification service: it polls, and stores one row for each notification.

A poll runs in a separate process with the given library.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

_ROOT = Path(__file__).resolve().parents[3]
_SECONDS = 60.0


class Row(NamedTuple):
    """The fields of a record by which it distinguishes notifications; the event id is none of them."""

    topic: str
    type: str
    correlation_id: str


class Notifications:
    """The service, which reads only later records."""

    def __init__(self, bootstrap_servers: str, topics: tuple[str, ...], library: Path | None) -> None:
        """``library``: a directory with the kafka-python to use; None for the installed version."""
        self.rows: list[Row] = []
        self._bootstrap_servers = bootstrap_servers
        self._path = {} if library is None else {"PYTHONPATH": str(library)}
        self._offsets = self._run(topics, None)["offsets"]

    def poll(self) -> None:
        """Read all available records."""
        found = self._run(tuple(self._offsets), self._offsets)
        self._offsets = found["offsets"]
        for heard in found["rows"]:
            if (row := Row(*heard)) not in self.rows:
                self.rows.append(row)

    def _run(self, topics: tuple[str, ...], offsets: dict[str, Any] | None) -> dict[str, Any]:
        asked = json.dumps([self._bootstrap_servers, topics, offsets])
        argv = [sys.executable, "-W", "ignore", "-m", __name__, asked]
        environment = {**os.environ, **self._path}
        ended = subprocess.run(argv, cwd=_ROOT, env=environment, check=True, capture_output=True, timeout=_SECONDS)
        found: dict[str, Any] = json.loads(ended.stdout)
        return found


def _poll(bootstrap_servers: str, topics: list[str], offsets: dict[str, dict[str, int]] | None) -> dict[str, Any]:
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        group_id="notification-service-group",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        value_deserializer=lambda m: json.loads(m.decode("utf-8")) if m else None,
    )
    places = [TopicPartition(topic, number) for topic in topics for number in consumer.partitions_for_topic(topic)]
    consumer.assign(places)
    ends, rows = consumer.end_offsets(places), []
    for place in places:
        consumer.seek(place, ends[place] if offsets is None else offsets[place.topic][str(place.partition)])
    while any(consumer.position(place) < ends[place] for place in places):
        polled = consumer.poll(timeout_ms=500, max_records=500)
        rows += [
            [place.topic, record.value.get("type", "unknown"), record.value.get("correlation_id", "")]
            for place, records in polled.items()
            for record in records
        ]
    consumer.close()
    found = {topic: {str(p.partition): ends[p] for p in places if p.topic == topic} for topic in topics}
    return {"rows": rows, "offsets": found}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_poll(*json.loads(sys.argv[1]))))
