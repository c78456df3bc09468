"""A broker's answer about its topics, which the relay gets before it reads a record."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from runtime import topic_reader


class NoLeaders:
    """A consumer whose broker knows the topic, but not the leaders of its partitions."""

    def list_topics(self, timeout: float) -> Any:
        topic = SimpleNamespace(error=KafkaError(KafkaError.LEADER_NOT_AVAILABLE), partitions={})
        return SimpleNamespace(topics={"events": topic})

    def close(self) -> None: ...


def test_topic_without_leaders_does_not_count_as_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the relay would publish the whole outbox again."""
    monkeypatch.setattr(topic_reader, "_consumer", lambda *_: NoLeaders())
    with pytest.raises(KafkaException, match="Leader not available"):
        topic_reader.extents({}, {"events": datetime(1970, 1, 1, tzinfo=UTC)})
    assert topic_reader.extents({}, {"another": datetime(1970, 1, 1, tzinfo=UTC)}) == {}
