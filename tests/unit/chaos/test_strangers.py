"""What strangers write and send."""

import json

from proofs.chaos.evidence import UNPUBLISHABLE
from proofs.chaos.strange_commands import large_parts
from proofs.chaos.strange_rows import rows_of_a_stranger
from service.domain.command_json import MAX_BYTES

EVENT = "5b2c61a6-6a1c-4c3e-9a0a-5c8e1a1f0001"


def test_each_refused_row_stands_between_good_ones() -> None:
    publishable = [row.publishable for row in rows_of_a_stranger("events")]
    assert publishable == [True, *[False, True] * (len(publishable) // 2)]
    assert len(publishable) > 10


def test_a_good_row_tells_its_event_and_its_place_in_the_sequence() -> None:
    good, bad = rows_of_a_stranger("events")[:2]
    assert good.values(EVENT, "key", 7)[:5] == (EVENT, "events", "key", "stranger.said", 7)
    assert json.loads(str(good.values(EVENT, "key", 7)[6])) == [["ce_id", EVENT], ["sequence", "7"]]
    assert bad.values(EVENT, "key", 7)[3:5] == (UNPUBLISHABLE, None)


def test_large_commands_are_just_small_enough_to_be_read() -> None:
    for part in large_parts():
        size = len(json.dumps({"payload": part}, separators=(",", ":")))
        assert 0.85 * MAX_BYTES < size < 0.95 * MAX_BYTES
