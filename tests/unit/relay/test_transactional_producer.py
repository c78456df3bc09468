"""What librdkafka is told for transactions."""

from typing import Any

import pytest

from relay import transactional_producer
from relay.health import Health
from relay.transactional_producer import TransactionalProducer


@pytest.mark.parametrize(("given", "lingers"), [({}, 1), ({"linger.ms": 7}, 7)])
def test_an_operator_may_have_them_linger(monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], lingers: int) -> None:
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(
        transactional_producer, "Client", lambda config, _health, _beat, **ours: told.append({**config, **ours})
    )
    TransactionalProducer(given, "relay", Health(), lambda: None)
    assert told == [{"linger.ms": lingers, "transactional.id": "relay"}]
