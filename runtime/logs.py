"""Structured logs: one line for each event, as JSON or as text. They have no secrets, values of rows or control codes.

The project's own lines are rendered and written at once. Lines of libraries pass the same processors through
``logging`` (structlog documentation, "Performance" and "Standard Library Logging").
"""

import json
import logging
import re
import sys
import threading
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any, TextIO, cast

from runtime.error_text import described, trace_of, without_row_values
from runtime.lean_imports import without
from runtime.log_stream import LogStream
from runtime.printable import printable, printable_json

with without("rich"):  # for tracebacks with local variables, which no log of ours may show
    import structlog

_SECRET_NAMES = ("secret", "token", "password", "authorization", "card", "payment_method")
_REDACTED = "[redacted]"

_SECRET_VALUES = re.compile(
    r"\b(?:sk|rk)_(?:live|test)_\w+"  # Stripe API keys
    r"|\bwhsec_[\w+/=]+"  # webhook signing secrets
    r"|(?<=_secret_)\w+"  # client secrets: pi_…_secret_…
    r"|(?<=://)[^\s:/@\"]*:[^\s/@\"]*(?=@)"  # user:password of a URL
    r"|(?<=Bearer )[^\s\"]+"
)

_SECRET_MARKS = ("_live_", "_test_", "whsec_", "_secret_", "://", "Bearer ")
"""Every match contains one of these. Searching for them first keeps an ordinary line cheap."""

QUIET_LIBRARIES = ("stripe", "urllib3", "asyncio", "alembic.runtime.plugins")
"""Libraries that log too much. At DEBUG the first two log bodies with payment methods and client secrets."""


_LINES = {"exception": "\n\t", "stack": "\n\t"}
"""Fields of several lines, which this module makes itself; their line ends are kept."""

_PLAIN = (str, int, float)
"""The types of nearly all values. They hold no names, and this check is cheaper than that for a Mapping."""


def _redact(_logger: Any, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    for name, value in event.items():
        if _is_secret(name):
            event[name] = _REDACTED
        elif name == "exc_info":
            continue
        elif not isinstance(value, _PLAIN) or (isinstance(value, str) and "\n" in value):
            event[name] = _without_secrets(value)
    return event


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    lowered = name.lower()
    return any(part in lowered for part in _SECRET_NAMES)


def _without_secrets(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _REDACTED if _is_secret(str(name)) else _without_secrets(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_secrets(each) for each in value]
    if isinstance(value, BaseException):
        return described(value)
    return without_row_values(value) if isinstance(value, str) else value


def _scrub(_logger: Any, _name: str, line: Any) -> str:
    """Remove secrets that a library or an exception put into its text."""
    rendered = str(line)
    return _SECRET_VALUES.sub(_REDACTED, rendered) if any(mark in rendered for mark in _SECRET_MARKS) else rendered


def _escape_json(_logger: Any, _name: str, line: Any) -> str:
    return printable_json(line)


def _escape_values(_logger: Any, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """For the console: no value can begin a line of its own, or send control codes to the terminal."""
    for name, value in event.items():
        event[name] = printable(value if isinstance(value, str) else str(value), keep=_LINES.get(name, ""))
    return event


@cache
def _encoder(fallback: Callable[[Any], Any]) -> Callable[[Any], str]:
    """A cached encoder: ``json.dumps`` with a fallback would build one for each line."""
    return json.JSONEncoder(default=fallback).encode


def _as_json(event: Any, *, default: Callable[[Any], Any]) -> str:
    return _encoder(default)(event)


def _name_library(_logger: Any, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    event["module"] = event["_record"].name
    return event


_FORMAT_EXCEPTION = structlog.processors.ExceptionRenderer(trace_of)


def _console() -> structlog.dev.ConsoleRenderer:
    """A renderer for the console. The default one would print the local variables of every frame."""
    colors = sys.stderr is not None and sys.stderr.isatty()
    return structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)


def configure(level: str, log_format: str, process: str) -> None:
    """Send every log line of this process and its libraries to stderr."""
    stream = LogStream(sys.stderr)

    def name_process(_logger: Any, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["process"] = process
        return event

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        name_process,
        _redact,
    ]
    renderer: list[structlog.typing.Processor] = (
        [_FORMAT_EXCEPTION, structlog.processors.JSONRenderer(_as_json), _scrub, _escape_json]
        if log_format == "json"
        else [_FORMAT_EXCEPTION, _escape_values, _console(), _scrub]
    )
    structlog.configure(
        processors=[*shared, *renderer],
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, stream)),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=True,
    )
    _route_libraries(level, stream, shared, renderer)


def _route_libraries(
    level: str,
    stream: LogStream,
    shared: list[structlog.typing.Processor],
    renderer: list[structlog.typing.Processor],
) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_name_library, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)


def log_uncaught() -> None:
    """Log the exception that ends the process or a thread. Python would print the whole of it, with quoted values."""
    log = get_logger(__name__)

    def ended(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        log.critical("uncaught", exc_info=(kind, error, trace))

    def thread_ended(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
            thread = None if args.thread is None else args.thread.name
            log.critical("uncaught", thread=thread, exc_info=(args.exc_type, args.exc_value, args.exc_traceback))

    sys.excepthook = ended
    threading.excepthook = thread_ended


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of one module."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(module=name)
    return logger
