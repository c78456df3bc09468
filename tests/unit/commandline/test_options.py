"""The notation of times, exit codes and error lines."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from commandline.main import cli
from commandline.options import MOMENT
from commandline.output import plain

pytestmark = pytest.mark.usefixtures("quiet")

CLI = str(Path(__file__).parents[3] / "cli.py")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T08:00", datetime(2026, 1, 31, 8, tzinfo=UTC)),
        ("2026-01-31T08:00:00Z", datetime(2026, 1, 31, 8, tzinfo=UTC)),
        ("2026-01-31T08:00+08:00", datetime(2026, 1, 31, 8, tzinfo=timezone(timedelta(hours=8)))),
    ],
)
def test_time_is_read_in_iso_8601(text: str, moment: datetime) -> None:
    assert MOMENT.convert(text, None, None) == moment


@pytest.mark.parametrize(("text", "ago"), [("15m", timedelta(minutes=15)), ("2h", timedelta(hours=2))])
def test_time_is_read_as_a_duration_before_now(text: str, ago: timedelta) -> None:
    before = datetime.now(UTC)
    assert before - ago <= MOMENT.convert(text, None, None) <= datetime.now(UTC) - ago


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("0001-01-01", datetime(1970, 1, 1, tzinfo=UTC)),
        ("0001-01-01T00:00+23:59", datetime(1970, 1, 1, tzinfo=UTC)),
        ("99999d", datetime(1970, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59-23:59", datetime(9999, 1, 1, tzinfo=UTC)),
    ],
)
def test_time_before_or_after_all_records_is_one_that_every_part_can_reckon_with(text: str, moment: datetime) -> None:
    assert MOMENT.convert(text, None, None) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "15 parsecs", "99999999d"])
def test_other_forms_of_a_time_are_bad_usage(text: str) -> None:
    with pytest.raises(click.BadParameter, match="ISO 8601"):
        MOMENT.convert(text, None, None)


def invoke(*words: str, **env: str | None) -> tuple[int, str, str]:
    result = CliRunner(env={"DATABASE_URL": None, "DATABASE_URL_FILE": None, **env}).invoke(cli, words)
    return result.exit_code, result.stdout, result.stderr


def test_missing_setting_gives_one_line_and_exit_code_2() -> None:
    assert invoke("payment", "show", "x") == (2, "", "DATABASE_URL: is not set\n")


def test_every_faulty_setting_has_its_own_line() -> None:
    code, _, said = invoke("relay", KAFKA_BOOTSTRAP_SERVERS=None, RELAY_BATCH_SIZE="many", LOG_LEVEL="loud")
    assert code == 2
    assert [line.partition(":")[0] for line in said.splitlines()] == [
        "DATABASE_URL", "LOG_LEVEL", "KAFKA_BOOTSTRAP_SERVERS", "RELAY_BATCH_SIZE",
    ]  # fmt: skip


def test_option_overrides_the_environment_and_is_validated() -> None:
    code, _, said = invoke(
        "serve", "--host", "192.0.2.1", DATABASE_URL="postgresql://h/d", STRIPE_SECRET_KEY="sk_test_1", HOST="127.0.0.1"
    )
    assert code == 2
    assert said.startswith("API_TOKENS: must be set to listen on 192.0.2.1")


def test_unreachable_database_gives_one_line_and_exit_code_1() -> None:
    code, out, said = invoke("outbox", "list", DATABASE_URL="postgresql://user:hidden@127.0.0.1:1/d")
    assert (code, out) == (1, "")
    assert said.startswith("database: ")
    assert said.count("\n") == 1
    assert "hidden" not in said


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("outbox", "list", "--limit", "0"),
        ("outbox", "list", "--limit", "9223372036854775807"),
        ("outbox", "list", "--since", "x"),
    ],
)
def test_bad_usage_gives_exit_code_2(words: tuple[str, ...]) -> None:
    assert invoke(*words, DATABASE_URL="postgresql://127.0.0.1:1/d")[0] == 2


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"text", "text"),
        (b"\xff", "base64:/w=="),
        (b"base64:/w==", "base64:YmFzZTY0Oi93PT0="),
        (datetime(2026, 1, 31, 8, tzinfo=timezone(timedelta(hours=8))), "2026-01-31T00:00:00.000Z"),
        ({"a": [None, 1, True, b"x"]}, {"a": [None, 1, True, "x"]}),
    ],
)
def test_values_are_converted_to_json(value: object, shown: object) -> None:
    assert plain(value) == shown


@pytest.mark.parametrize(
    "words",
    [
        (b"payment", b"list", b"--customer", b"order\xff"),
        (b"payment", b"revert", b"order\xff", b"--because", b"ticket 81"),
        (b"order\xff",),
    ],
)
def test_argument_that_is_no_text_is_named_in_one_line(words: tuple[bytes, ...]) -> None:
    env = {**os.environ, "PYTHONUTF8": "1", "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    found = subprocess.run([sys.executable, CLI, *words], env=env, capture_output=True, timeout=60, check=False)
    assert (found.returncode, found.stdout) == (2, b"")
    assert found.stderr == b"argument order\\xff is not UTF-8\n"
