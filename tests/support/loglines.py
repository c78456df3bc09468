"""What a process would write to its log, line by line."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog

from service import logs

Lines = Callable[[], list[dict[str, Any]]]


@contextmanager
def logging_to_memory(level: str = "INFO") -> Iterator[Lines]:
    """Logs as JSON into memory; everything about logging is as before afterwards."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    structlog.contextvars.clear_contextvars()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stderr", stream)
        logs.configure(level, "json", "service")
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:], root.level = before
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
