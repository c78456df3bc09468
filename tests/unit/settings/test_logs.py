"""A log line is one JSON object, names its process, and contains no secret."""

import json
import logging
import sys
import threading
from collections.abc import Iterator
from typing import Literal

import pytest

from runtime import logs
from tests.support.loglines import Lines, logging_as_text, logging_to_memory


@pytest.fixture
def lines() -> Iterator[Lines]:
    with logging_to_memory() as written:
        yield written


def test_log_line_has_event_module_level_and_time(lines: Lines) -> None:
    logs.get_logger("payments").info("done", amount=5)
    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "done", "amount": 5, "level": "info", "process": "service", "module": "payments"}


def test_lines_of_other_threads_name_the_process(lines: Lines) -> None:
    thread = threading.Thread(target=lambda: logs.get_logger("x").info("from a thread"))
    thread.start()
    thread.join()
    assert lines()[0]["process"] == "service"


def test_libraries_log_in_the_same_format(lines: Lines) -> None:
    logging.getLogger("some.library").warning("took %d s", 3)
    (line,) = lines()
    assert (line["event"], line["module"], line["process"]) == ("took 3 s", "some.library", "service")


def test_configured_level_is_respected(lines: Lines) -> None:
    logs.get_logger("x").debug("no")
    logging.getLogger("some.library").debug("no")
    assert lines() == []


@pytest.mark.parametrize("name", ["api_token", "STRIPE_SECRET_KEY", "card", "Authorization", "payment_method_id"])
def test_secret_names_are_redacted_at_any_depth(lines: Lines, name: str) -> None:
    logs.get_logger("x").info("e", **{name: "hunter2"}, nested={"list": [{name: "hunter2"}], "ok": 1})
    (line,) = lines()
    assert "hunter2" not in json.dumps(line)
    assert line["nested"]["ok"] == 1


@pytest.mark.parametrize(
    "secret",
    [
        "sk_test_51Habc",
        "rk_live_51Habc",
        "whsec_abc+/=",
        "pi_1_secret_abc",
        "postgresql://user:hunter2@db/x",
        "Authorization: Bearer hunter2",
    ],
)
def test_secret_values_are_scrubbed_from_any_text(lines: Lines, secret: str) -> None:
    logs.get_logger("x").info(f"failed with {secret} there")
    logging.getLogger("some.library").error("failed with %s there", secret)
    error = ValueError(f"failed with {secret} there")
    logs.get_logger("x").error("failed", exc_info=error)
    written = lines()
    assert len(written) == 3
    assert not [part for part in ("51Habc", "abc", "hunter2") if part in json.dumps(written)]
    assert all("there" in json.dumps(line) for line in written)


def test_url_without_a_password_is_unchanged(lines: Lines) -> None:
    logs.get_logger("x").info("listening", url="http://127.0.0.1:8000", mail="a@b")
    assert lines()[0]["url"] == "http://127.0.0.1:8000"


def test_libraries_that_log_bodies_stay_quiet_at_debug() -> None:
    with logging_to_memory("DEBUG") as written:
        for name in (*logs.QUIET_LIBRARIES, "some.library"):
            logging.getLogger(name).info("body with card data")
        assert [line["module"] for line in written()] == ["some.library"]


HOSTILE = "o\x1b[2J\x9b31m\u202e\x7f\rforged\nline"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_log_line_contains_no_terminal_control_characters(log_format: Literal["json", "console"]) -> None:
    with logging_as_text(log_format) as written:
        logs.get_logger("x").info(HOSTILE, order_id=HOSTILE, nested=[HOSTILE])
        logging.getLogger("some.library").warning("got %s", HOSTILE)
        logs.get_logger("x").error("failed", exc_info=ValueError(HOSTILE))
    text = written()
    assert text.replace("\n", "").isprintable()
    assert not [line for line in text.splitlines() if line.startswith(("forged", "line"))]
    assert text.count("forged") == 5


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_tracebacks_contain_no_local_variables(log_format: Literal["json", "console"]) -> None:
    def fail(setting: str) -> None:
        raise ValueError(f"{len(setting)} characters")

    with logging_as_text(log_format) as written:
        try:
            fail("hunter2")
        except ValueError:
            logs.get_logger("x").exception("failed")
    text = written()
    assert "ValueError: 7 characters" in text
    assert "in fail" in text
    assert text.count("hunter2") == text.count('fail("hunter2")') + text.count('fail(\\"hunter2\\")')


def test_exception_that_ends_a_thread_is_logged(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    logs.log_uncaught()
    thread = threading.Thread(target=lambda: 1 // 0, name="a thread")
    thread.start()
    thread.join()
    (line,) = lines()
    assert (line["event"], line["level"], line["thread"]) == ("uncaught", "critical", "a thread")
    assert "ZeroDivisionError" in line["exception"]
