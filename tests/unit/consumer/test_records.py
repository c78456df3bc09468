"""A record is kept in bounded form, and no content of a record stops the consumer."""

from datetime import UTC, datetime
from typing import cast

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME, TIMESTAMP_NOT_AVAILABLE, Message

from consumer.intake import origin_of
from tests.unit.consumer.doubles import FakeMessage

MOMENT = datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)
MILLISECONDS = int(MOMENT.timestamp() * 1000)


@pytest.mark.parametrize(
    ("timestamp", "sent_at"),
    [
        ((TIMESTAMP_CREATE_TIME, MILLISECONDS), MOMENT),
        ((TIMESTAMP_LOG_APPEND_TIME, MILLISECONDS), MOMENT),
        ((TIMESTAMP_NOT_AVAILABLE, 0), None),
        ((TIMESTAMP_CREATE_TIME, 2**63 - 1), None),
        ((TIMESTAMP_CREATE_TIME, -(2**63)), None),
    ],
)
def test_a_records_time_is_its_timestamp_if_that_is_a_time(
    timestamp: tuple[int, int], sent_at: datetime | None
) -> None:
    message = FakeMessage(b"{}", timestamp_=timestamp)
    assert origin_of(cast(Message, message)).sent_at == sent_at
