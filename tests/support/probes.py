"""The answers of a process on its ops port."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable


def ready(port: int) -> str:
    """The answer of /ready; "starting" before the port is open."""
    text = _asked(port, "/ready")
    return "starting" if text is None else str(json.loads(text)["status"])


def wait_until_ready_says(port: int, words: str, seconds: float = 60) -> str:
    """Probes until ``words`` are in the answer, and returns it; AssertionError after ``seconds``."""
    return _wait(lambda: ready(port), words, seconds)


def wait_until_metrics_say(port: int, line: str, seconds: float = 60) -> None:
    """Asks until ``line`` is among the metrics; AssertionError after ``seconds``."""
    _wait(lambda: _asked(port, "/metrics") or "", line, seconds)


def _wait(ask: Callable[[], str], words: str, seconds: float) -> str:
    ends = time.monotonic() + seconds
    while words not in (said := ask()):
        assert time.monotonic() < ends, f"{words} is not in: {said}"
        time.sleep(0.1)
    return said


def _asked(port: int, path: str) -> str | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as refused:
        return refused.read().decode()
    except OSError:
        return None
