"""An environment without the variables of the caller."""

import os

import pytest

MINIMAL = {
    "DATABASE_URL": "postgresql://u:pw@db/payments",
    "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
    "STRIPE_SECRET_KEY": "sk_test_1",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment has only the settings without a default."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in MINIMAL.items():
        monkeypatch.setenv(name, value)
    return monkeypatch
