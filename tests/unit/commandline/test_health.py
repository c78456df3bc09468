"""The container's health check."""

from pathlib import Path

import pytest

from devstack.ports import free_port
from runtime import health_check, probes


@pytest.fixture
def port() -> int:
    """A port on which a process reports its health."""
    port = free_port()
    probes.start(port, lambda: None)
    return port


@pytest.mark.parametrize("variable", ["PORT", "OPS_PORT"])
def test_health_check_asks_the_ports_of_both_variables(
    monkeypatch: pytest.MonkeyPatch, port: int, variable: str
) -> None:
    monkeypatch.setenv("PORT", str(free_port()))
    monkeypatch.setenv("OPS_PORT", str(free_port()))
    assert health_check.main() == 1
    monkeypatch.setenv(variable, str(port))
    assert health_check.main() == 0


def test_health_check_fails_without_a_configured_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PORT", raising=False)
    monkeypatch.delenv("OPS_PORT", raising=False)
    assert health_check.main() == 1


def test_health_check_uses_the_address_that_the_process_wrote_down(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The process's options override the variables, so the variables may name other ports."""
    note = tmp_path / "note"
    monkeypatch.setenv("HEALTH_NOTE", str(note))
    monkeypatch.setenv("OPS_PORT", str(free_port()))
    assert health_check.main() == 1
    probes.start(free_port(), lambda: None, "0.0.0.0", health_note=str(note))  # noqa: S104 - as in the image
    assert note.read_text().startswith("0.0.0.0 ")
    assert health_check.main() == 0


@pytest.mark.parametrize("text", ["", "garbage", "127.0.0.1 http", "127.0.0.1 1"])
def test_health_check_fails_for_an_unusable_address_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    note = tmp_path / "note"
    note.write_text(text)
    monkeypatch.setenv("HEALTH_NOTE", str(note))
    assert health_check.main() == 1
