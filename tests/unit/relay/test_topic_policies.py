"""The settings of a topic that lose records are found in a broker's answers."""

import pytest

from runtime.topic_policies import TopicFacts, faults

SOUND = {
    "cleanup.policy": "delete",
    "retention.ms": "604800000",
    "retention.bytes": "-1",
    "min.insync.replicas": "2",
    "max.message.bytes": "1048588",
}


def facts(*, replicas: int = 3, in_sync: int = 3, leaderless: int = 0, **changed: str) -> TopicFacts:
    settings = SOUND | {name.replace("_", "."): value for name, value in changed.items()}
    return TopicFacts(settings, replicas, in_sync, leaderless)


def found(commands: TopicFacts, dead_letters: TopicFacts | None = None) -> list[tuple[str, str, bool]]:
    topics = {"c": commands, "d": dead_letters or facts(max_message_bytes="33554432")}
    return [(fault.topic, fault.setting, fault.loses) for fault in faults(topics, "c", "d")]


def test_a_sound_topic_has_no_faults() -> None:
    assert found(facts()) == []
    assert found(facts(cleanup_policy="", retention_ms="-1")) == [], "kept for ever"


@pytest.mark.parametrize(
    ("topic", "setting", "loses"),
    [
        (facts(cleanup_policy="compact"), "cleanup.policy", True),
        (facts(cleanup_policy="compact,delete"), "cleanup.policy", True),
        (facts(retention_ms="86399999"), "retention.ms", False),
        (facts(retention_bytes="1048576"), "retention.bytes", False),
        (facts(min_insync_replicas="4"), "min.insync.replicas", False),
        (facts(in_sync=1), "min.insync.replicas", True),
        (facts(leaderless=1), "leader", True),
        (facts(max_message_bytes="1000000"), "max.message.bytes", False),
    ],
)
def test_each_fault_is_found_by_itself(topic: TopicFacts, setting: str, loses: bool) -> None:
    assert found(topic) == [("c", setting, loses)]


def test_a_dead_letter_is_larger_than_the_command_that_it_keeps() -> None:
    assert found(facts(), facts()) == [("d", "max.message.bytes", False)]


def test_settings_that_a_broker_does_not_return_are_no_fault() -> None:
    assert found(TopicFacts({}, 1, 1, 0), TopicFacts({}, 1, 1, 0)) == []
