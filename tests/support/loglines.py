"""The lines that a process would write to its log."""

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import pytest
import structlog

from runtime import logs

Lines = Callable[[], list[dict[str, Any]]]


def log_plainly() -> None:
    """The log of a test process: structlog's default on stderr, without rich's traces, which take long."""
    structlog.reset_defaults()
    console = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    processors = [*structlog.get_config()["processors"][:-1], console]
    # Not sys.stderr: a command that is called in this process writes what it prints there, and tests read it.
    structlog.configure(processors, logger_factory=structlog.PrintLoggerFactory(sys.__stderr__))


@contextmanager
def logging_as_text(log_format: Literal["json", "console"], level: str = "INFO") -> Iterator[Callable[[], str]]:
    """Logs into memory; restores the earlier logging afterwards."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    structlog.contextvars.clear_contextvars()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stderr", stream)
        logs.configure(level, log_format, "service")
        # A module's logger that is first used here would keep this configuration for all later tests.
        structlog.configure(cache_logger_on_first_use=False)
    yield stream.getvalue
    root.handlers[:], root.level = before
    log_plainly()
    structlog.contextvars.clear_contextvars()


@contextmanager
def logging_to_memory(level: str = "INFO") -> Iterator[Lines]:
    """Logs JSON lines into memory, and parses them."""
    with logging_as_text("json", level) as written:
        yield lambda: [json.loads(line) for line in written().splitlines()]
