"""A fatal error comes out of librdkafka's callbacks as what it is."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from confluent_kafka import KafkaError, KafkaException

from relay.kafka_errors import served

FATAL = KafkaException(KafkaError(KafkaError._FENCED, "fenced", fatal=True))


def _chained(*errors: BaseException) -> Callable[[], None]:
    """As the binding does it: each error's cause is the one that stood before it."""

    def call() -> None:
        for earlier, later in pairwise(errors):
            later.__cause__ = earlier
        raise errors[-1]

    return call


@pytest.mark.parametrize("later", [1, 2])
def test_callbacks_behind_a_fatal_error_do_not_hide_it(later: int) -> None:
    with pytest.raises(KafkaException) as caught:
        served(_chained(FATAL, *(SystemError(f"callback {number}") for number in range(later))))
    assert caught.value is FATAL


def test_another_system_error_stays_one() -> None:
    with pytest.raises(SystemError, match="by itself"):
        served(_chained(ValueError(), SystemError("by itself")))


def test_what_is_returned_is_returned() -> None:
    assert served(lambda: 3) == 3
