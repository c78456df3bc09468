"""librdkafka's settings for transactions."""

from typing import Any

import pytest

from relay import transactional_producer
from relay.health import Health
from relay.transactional_producer import TransactionalProducer


@pytest.mark.parametrize(("given", "lingers"), [({}, 1), ({"linger.ms": 7}, 7)])
def test_an_operator_may_set_the_linger_time(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], lingers: int
) -> None:
    settings: list[dict[str, Any]] = []
    monkeypatch.setattr(
        transactional_producer, "Client", lambda config, _health, _beat, **ours: settings.append({**config, **ours})
    )
    TransactionalProducer(given, "relay", Health(), lambda: None)
    assert settings == [{"linger.ms": lingers, "transactional.id": "relay"}]
