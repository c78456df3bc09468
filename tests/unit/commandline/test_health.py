"""The container's health check."""

import pytest

from devstack.ports import free_port
from runtime import health_check, probes


@pytest.fixture
def port() -> int:
    """Where a process tells its health."""
    port = free_port()
    probes.start(port, lambda: None)
    return port


@pytest.mark.parametrize("variable", ["PORT", "OPS_PORT"])
def test_either_port_may_have_the_answer(monkeypatch: pytest.MonkeyPatch, port: int, variable: str) -> None:
    monkeypatch.setenv("PORT", str(free_port()))
    monkeypatch.setenv("OPS_PORT", str(free_port()))
    assert health_check.main() == 1
    monkeypatch.setenv(variable, str(port))
    assert health_check.main() == 0


def test_nothing_to_ask_is_not_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PORT", raising=False)
    monkeypatch.delenv("OPS_PORT", raising=False)
    assert health_check.main() == 1
