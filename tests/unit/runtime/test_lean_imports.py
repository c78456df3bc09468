"""runtime.lean_imports: the processes start without libraries that they never call."""

import importlib.util
import subprocess
import sys

import pytest

from runtime.lean_imports import without

OPTIONAL = ("rich", "requests")


def test_a_hidden_library_cannot_be_imported_until_the_end_of_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "this", raising=False)
    with pytest.raises(ImportError), without("this"):
        importlib.import_module("this")
    assert "this" not in sys.modules
    assert importlib.util.find_spec("this") is not None


def test_a_loaded_library_stays_visible() -> None:
    with without("json"):
        assert importlib.import_module("json") is sys.modules["json"]


def test_logs_and_gateway_load_no_library_that_they_never_call() -> None:
    asks = f"import sys, runtime.logs, service.gateway; sys.exit(any(name in sys.modules for name in {OPTIONAL}))"
    assert subprocess.run([sys.executable, "-c", asks], check=False).returncode == 0
    assert all(importlib.util.find_spec(name) for name in OPTIONAL), "or there is nothing to hide"
