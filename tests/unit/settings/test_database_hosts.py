"""DATABASE_URL has the same meaning in every process, for each notation of its hosts."""

import psycopg2
import pytest
from psycopg2.extensions import parse_dsn
from sqlalchemy import make_url
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

from runtime.database_hosts import is_refused_as_read_only, libpq_url
from runtime.settings import ProcessSettings, load
from runtime.settings_source import SettingError

LIBPQ = "postgresql://u:p%40w@h1:5432,h2:5433/db"
SQLALCHEMY = "postgresql+psycopg2://u:p%40w@/db?host=h1:5432&host=h2:5433"
SEPARATE = "postgresql://u:p%40w@/db?host=h1,h2&port=5432,5433"


@pytest.mark.parametrize("url", [LIBPQ, SQLALCHEMY, SEPARATE])
@pytest.mark.parametrize("wanted", [None, "read-write", "primary"])
def test_several_hosts_select_the_writable_server(
    environment: pytest.MonkeyPatch, url: str, wanted: str | None
) -> None:
    given = url if wanted is None else f"{url}{'&' if '?' in url else '?'}target_session_attrs={wanted}"
    environment.setenv("DATABASE_URL", given)
    assert parse_dsn(load(ProcessSettings).database_url.get_secret_value()) == {
        "user": "u",
        "password": "p@w",
        "dbname": "db",
        "host": "h1,h2",
        "port": "5432,5433",
        "target_session_attrs": wanted or "read-write",
    }


@pytest.mark.parametrize("url", [SQLALCHEMY, SEPARATE, "postgresql+psycopg2://u:p@/db?host=h1:5432"])
def test_hosts_in_the_query_are_read_as_sqlalchemy_reads_them(url: str) -> None:
    _, theirs = PGDialect_psycopg2().create_connect_args(make_url(url))  # type: ignore[no-untyped-call]
    ours = parse_dsn(libpq_url(url))
    assert {name: str(theirs[name]) for name in ("host", "port", "user", "password")} == {
        name: ours[name] for name in ("host", "port", "user", "password")
    }


@pytest.mark.parametrize(
    "url",
    ["postgresql://u:p@h/db", "postgresql://[::1]:5432/db", "postgresql:///db?host=/run/postgresql&options=-c%20a+b"],
)
def test_url_with_one_host_is_unchanged(url: str) -> None:
    assert libpq_url(url) == url


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://u:hunter2@h1,h2/db?target_session_attrs=any", "target_session_attrs must be read-write"),
        ("postgresql://u:hunter2@h1/db?target_session_attrs=standby", "target_session_attrs must be read-write"),
        ("postgresql://u:hunter2@h1:1,h2:2,h3/db?port=1,2", "names several hosts, and another number of ports"),
        ("postgresql://u:hunter2@h1:x,h2/db", "has no readable host and port"),
        ("postgresql://u:hunter2@h/db?hunter2=1", "has no readable host and port, or an unknown parameter"),
    ],
)
def test_invalid_url_gives_one_line_without_the_password(
    environment: pytest.MonkeyPatch, url: str, message: str
) -> None:
    environment.setenv("DATABASE_URL", url)
    with pytest.raises(SettingError) as caught:
        load(ProcessSettings)
    assert str(caught.value).startswith(f"DATABASE_URL: {message}")
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unavailable_server_is_not_reported_as_read_only() -> None:
    assert not is_refused_as_read_only(psycopg2.OperationalError("connection refused"))
