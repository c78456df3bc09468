"""A fatal error of librdkafka's callbacks is raised as a KafkaException."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from confluent_kafka import KafkaError, KafkaException

from relay.kafka_errors import served

FATAL = KafkaException(KafkaError(KafkaError._FENCED, "fenced", fatal=True))


def _chained(*errors: BaseException) -> Callable[[], None]:
    """Raises as the binding does: the cause of each error is the error before it."""

    def call() -> None:
        for earlier, later in pairwise(errors):
            later.__cause__ = earlier
        raise errors[-1]

    return call


@pytest.mark.parametrize("later", [1, 2])
def test_later_callbacks_do_not_hide_a_fatal_error(later: int) -> None:
    with pytest.raises(KafkaException) as caught:
        served(_chained(FATAL, *(SystemError(f"callback {number}") for number in range(later))))
    assert caught.value is FATAL


def test_other_system_errors_are_raised_unchanged() -> None:
    with pytest.raises(SystemError, match="by itself"):
        served(_chained(ValueError(), SystemError("by itself")))


def test_result_of_the_call_is_returned() -> None:
    assert served(lambda: 3) == 3
