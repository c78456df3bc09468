"""The outbox rows and commands of other programs in a chaos run."""

import json

from proofs.chaos.evidence import UNPUBLISHABLE
from proofs.chaos.strange_commands import large_parts
from proofs.chaos.strange_rows import rows_of_a_stranger
from service.domain.command_json import MAX_BYTES

EVENT = "5b2c61a6-6a1c-4c3e-9a0a-5c8e1a1f0001"


def test_each_refused_row_is_between_two_good_rows() -> None:
    publishable = [row.publishable for row in rows_of_a_stranger("events")]
    assert publishable == [True, *[False, True] * (len(publishable) // 2)]
    assert len(publishable) > 10


def test_good_row_has_its_event_id_and_sequence() -> None:
    good, bad = rows_of_a_stranger("events")[:2]
    assert good.values(EVENT, "key", 7)[:5] == (EVENT, "events", "key", "stranger.said", 7)
    assert json.loads(str(good.values(EVENT, "key", 7)[6])) == [["ce_id", EVENT], ["sequence", "7"]]
    assert bad.values(EVENT, "key", 7)[3:5] == (UNPUBLISHABLE, None)


def test_large_commands_are_within_the_limit() -> None:
    for part in large_parts():
        size = len(json.dumps({"payload": part}, separators=(",", ":")))
        assert 0.85 * MAX_BYTES < size < 0.95 * MAX_BYTES
