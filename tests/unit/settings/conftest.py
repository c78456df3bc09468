"""An environment of the test's own: nothing of the caller's leaks in."""

import os

import pytest

MINIMAL = {
    "DATABASE_URL": "postgresql://u:pw@db/payments",
    "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
    "STRIPE_SECRET_KEY": "sk_test_1",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Only the settings that have no default."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in MINIMAL.items():
        monkeypatch.setenv(name, value)
    return monkeypatch
