"""The checkpoint row: a mirror in PostgreSQL of what Kafka holds, one row per relay."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from relay.positions import Settled
from relay.receipt import Epoch

_MAX_RANGES = 500
"""A row is rewritten with every batch: what does not fit is found again by asking the topic."""

_LOAD = "SELECT json_build_array(low, ranges, system_identifier, timeline) FROM relay_checkpoints WHERE relay = %s"
_SAVE = """
    INSERT INTO relay_checkpoints (relay, low, ranges, system_identifier, timeline) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (relay) DO UPDATE SET low = excluded.low, ranges = excluded.ranges,
        system_identifier = excluded.system_identifier, timeline = excluded.timeline, updated_at = now()
"""

PRUNABLE_BELOW = "SELECT coalesce(min(low), 0) FROM relay_checkpoints"
"""Rows below this position (not at it) are settled for every relay, and mirrored: retention may delete them.

The row at it may be the witness by which the relay knows the database again.
"""

Query = Callable[[str, tuple[Any, ...]], Any]


class Checkpoint(NamedTuple):
    """What was published, as of the last mirroring, and of which life of which database."""

    settled: Settled
    epoch: Epoch


def load(query: Query, relay: str) -> Checkpoint | None:
    """The checkpoint of ``relay``, None when it has none."""
    found = query(_LOAD, (relay,))
    if found is None:
        return None
    low, ranges, system_identifier, timeline = found
    return Checkpoint(Settled(low, tuple((start, end) for start, end in ranges)), Epoch(system_identifier, timeline))


def save(query: Query, relay: str, checkpoint: Checkpoint) -> None:
    """Write the checkpoint of ``relay``."""
    settled, epoch = checkpoint
    query(_SAVE, (relay, settled.low, json.dumps(settled.above[:_MAX_RANGES]), *epoch))
