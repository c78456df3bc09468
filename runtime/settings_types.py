"""Types of single settings: the accepted form of each, and the error for any other form."""

import ipaddress
import re
from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from runtime.database_hosts import libpq_url
from runtime.durations import parse_duration


def _postgresql_url(value: SecretStr) -> SecretStr:
    return SecretStr(libpq_url(value.get_secret_value()))


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http:// or https:// URL")
    return value.rstrip("/")


_ORIGIN = re.compile(r"(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?", re.ASCII)
_DEFAULT_PORTS = {"http": 80, "https": 443}


def _origins(value: str) -> tuple[str, ...]:
    return tuple(_origin(entry.strip()) for entry in value.split(","))


def _origin(entry: str) -> str:
    """The origin in a browser's form: lower case, without the scheme's default port (RFC 6454, section 6)."""
    if entry == "*":
        raise ValueError("'*' would let every page read; name each origin")
    found = _ORIGIN.fullmatch(entry.lower())
    if not found or not 0 < int(found[3] or 1) < 65536:
        raise ValueError(f"{entry!r} is no origin; write https://shop.example or http://localhost:3000, without a path")
    scheme, host, port = found.groups()
    default = port is None or int(port) == _DEFAULT_PORTS[scheme]
    return f"{scheme}://{host}" if default else f"{scheme}://{host}:{int(port)}"


def _port(value: object) -> object:
    if isinstance(value, str) and value.startswith(("tcp://", "udp://", "sctp://")):
        raise ValueError(
            "is the address of a service of that name, as Kubernetes sets it in each pod; set the port in the pod, "
            "or enableServiceLinks: false"
        )
    return value


def _relay_name(value: str) -> str:
    # A slash is reserved for the name of a relay's second producer, so no other relay can have that name.
    if not re.fullmatch(r"[a-zA-Z0-9._-]{1,100}", value):
        raise ValueError("must be 1 to 100 letters, digits, dots, underscores or hyphens")
    return value


Duration = Annotated[timedelta, BeforeValidator(lambda v: parse_duration(v) if isinstance(v, str) else v)]
PositiveDuration = Annotated[Duration, Field(gt=timedelta(0))]
LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(lambda v: v.upper() if isinstance(v, str) else v)
]
TopicName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]
Port = Annotated[int, Field(le=65535), BeforeValidator(_port)]
RelayName = Annotated[str, AfterValidator(_relay_name)]
PostgresUrl = Annotated[SecretStr, AfterValidator(_postgresql_url)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
Origins = Annotated[tuple[str, ...], BeforeValidator(lambda v: _origins(v) if isinstance(v, str) else v)]


def is_loopback(host: str) -> bool:
    """Whether a server on ``host`` can be reached from its own machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
