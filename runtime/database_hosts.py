"""Hosts in DATABASE_URL: of several, libpq uses the one that takes writes. All processes read the URL here."""

import re
from urllib.parse import parse_qsl, quote, urlencode

import psycopg2
from psycopg2.extensions import connection, parse_dsn

_SCHEMES = frozenset({"postgresql", "postgres", "postgresql+psycopg2"})
_ONLY_PRIMARY = ("read-write", "primary")
_HOST_WITH_PORT = re.compile(r"([A-Za-z0-9.-]+):(\d*)")

_TAKES_NO_WRITES = ("session is read-only", "server is in hot standby mode")
"""libpq's messages about a server that ``target_session_attrs`` refuses (its source, fe-connect.c).

They come without an SQLSTATE, and in English, because no process here sets a locale.
"""


_LOGIN_SECONDS = 5

_REPORTED = ("default_transaction_read_only", "in_hot_standby")


def libpq_url(value: str) -> str:
    """The URL in libpq's form. With several hosts it asks for the one that takes writes.

    The hosts are in the authority (``h1:5432,h2:5433``) or, in SQLAlchemy's form, in the query (``host=h1:5432&
    host=h2:5433``). Raises ValueError that names the fault; it quotes nothing, because that may be part of a password.
    """
    scheme, separator, rest = value.partition("://")
    if not separator or scheme.lower() not in _SCHEMES:
        raise ValueError("must be a postgresql:// URL")
    url = f"postgresql://{_with_libpq_hosts(rest)}"
    try:
        found = parse_dsn(url)
    except (psycopg2.Error, ValueError):
        raise ValueError(
            "has no readable host and port, or an unknown parameter; percent-encode user and password"
        ) from None
    hosts = found.get("host", "").split(",")
    ports = found.get("port", "").split(",")
    if not all(port == "" or (port.isascii() and port.isdigit() and 0 < int(port) < 65536) for port in ports):
        raise ValueError("has no readable host and port; percent-encode user and password")
    if len(ports) not in {1, len(hosts)}:
        raise ValueError("names several hosts, and another number of ports")
    return _to_primary(url, len(hosts), found.get("target_session_attrs"))


def _to_primary(url: str, hosts: int, wanted: str | None) -> str:
    if hosts > 1 and wanted is None:
        return f"{url}{'&' if '?' in url else '?'}target_session_attrs={_ONLY_PRIMARY[0]}"
    if wanted in {None, *_ONLY_PRIMARY} or (hosts == 1 and wanted == "any"):
        return url
    raise ValueError(f"target_session_attrs must be {' or '.join(_ONLY_PRIMARY)}: the service writes")


def _with_libpq_hosts(rest: str) -> str:
    """Join several ``host=`` into one: libpq would use the last one only, and accepts no port in it."""
    place, mark, query = rest.partition("?")
    pairs = parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)  # a plus is no space to libpq
    named = [host for name, value in pairs if name == "host" for host in value.split(",")]
    split = [_HOST_WITH_PORT.fullmatch(host) for host in named]
    if not mark or (len([name for name, _ in pairs if name == "host"]) < 2 and not any(split)):
        return rest
    hosts = ",".join(found[1] if found else host for found, host in zip(split, named, strict=True))
    kept = [(name, value) for name, value in pairs if name != "host"]
    if any(split):
        kept = [(name, value) for name, value in kept if name != "port"]
        kept.append(("port", ",".join(found[2] if found else "" for found in split)))
    return f"{place}?{urlencode([('host', hosts), *kept], safe=',:/', quote_via=quote)}"


def has_turned_read_only(session: connection) -> bool:
    """Whether the server has reported that this session takes no writes any more.

    This sends no query: since PostgreSQL 14 a server reports it with its next answer to any query (PostgreSQL
    documentation of the protocol, "Asynchronous Operations").
    """
    return any(session.info.parameter_status(name) == "on" for name in _REPORTED)


def without_credentials(url: str) -> dict[str, str]:
    """The parameters of libpq in a URL, without user and password."""
    return {name: value for name, value in parse_dsn(url).items() if name not in {"user", "password"}}


def refused_login(ours: str, theirs: str) -> str | None:
    """Why the database refuses the user or password of ``theirs``, while it lets ours in; else None.

    None also where it does not answer: nothing can be said then.
    """
    fault = _fault_of_login(theirs)
    return None if fault is None or _fault_of_login(ours) is not None else fault


def _fault_of_login(url: str) -> str | None:
    try:
        psycopg2.connect(url, connect_timeout=_LOGIN_SECONDS, application_name="payment-service: renewal").close()
    except psycopg2.Error as error:
        return str(error).strip().partition("\n")[0]
    return None


def names_primary(url: str) -> bool:
    """Whether the URL accepts only a server that takes writes. A server that turns read-only is then left."""
    return parse_dsn(url).get("target_session_attrs") in _ONLY_PRIMARY


def is_refused_as_read_only(error: BaseException) -> bool:
    """Whether a connection failed because a server answered, but takes no writes, and no other server does."""
    return isinstance(error, psycopg2.OperationalError) and any(words in str(error) for words in _TAKES_NO_WRITES)
