"""librdkafka settings given through ``KAFKA_CONFIG``, ``KAFKA_SASL_*`` and ``KAFKA_SSL_*``."""

import json
import os
import re
from collections.abc import Mapping
from typing import Any, Protocol

from runtime.settings_source import SettingError, read_variable

_PREFIXES = ("KAFKA_SASL_", "KAFKA_SSL_")

_SERVICE_LINK = re.compile(r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)")
"""A variable that Kubernetes sets in each pod for a service of that name, such as ``kafka-ssl`` (its documentation,
"Accessing the Service"). librdkafka has no setting of such a name."""

_QUOTED = re.compile(r'"([a-z.]+)"')


def single_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Names for librdkafka, and values, of ``KAFKA_SASL_*`` and ``KAFKA_SSL_*``, without service links of Kubernetes.

    ``KAFKA_SSL_CA_LOCATION`` sets ``ssl.ca.location``, ``KAFKA_SASL_MECHANISM`` sets ``sasl.mechanism``. Raises
    SettingError.
    """
    names = {name.removesuffix("_FILE") for name in environ if name.startswith(_PREFIXES)}
    found = {name: read_variable(name, environ) for name in sorted(names) if not _SERVICE_LINK.fullmatch(name)}
    return {_librdkafka_name(name): value for name, value in found.items() if value is not None}


def _librdkafka_name(variable: str) -> str:
    return variable.removeprefix("KAFKA_").lower().replace("_", ".")


class Authenticated(Protocol):
    """A client of librdkafka."""

    def set_sasl_credentials(self, username: str, password: str) -> None:
        """Use these for the next connections (librdkafka manual, "rd_kafka_sasl_set_credentials")."""


def use_credentials(config: Mapping[str, Any], *clients: Authenticated) -> None:
    """Have ``clients`` make their next connections with the user and password in ``config``, if it has both."""
    username, password = config.get("sasl.username"), config.get("sasl.password")
    if username is not None and password is not None:
        for client in clients:
            client.set_sasl_credentials(username, password)


def refused(reason: str) -> SettingError:
    """The error for a setting that librdkafka refuses. It names the variable, also where that is not KAFKA_CONFIG."""
    quoted = _QUOTED.search(reason)
    setting = quoted[1] if quoted else ""
    variables = [name for name in os.environ if name.startswith(_PREFIXES)]
    given = [name for name in variables if _librdkafka_name(name.removesuffix("_FILE")) == setting]
    return SettingError(f"{given[0] if given else 'KAFKA_CONFIG'}: {reason}")


def kafka_config(config: str | None) -> dict[str, Any]:
    """The names and values in ``KAFKA_CONFIG``. Raises ValueError that names the variable when it can't be read."""
    if not config:
        return {}
    return _parse_json(config) if config.lstrip().startswith("{") else _parse_pairs(config)


def _parse_json(config: str) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = json.loads(config)
    except (json.JSONDecodeError, RecursionError) as exc:
        raise ValueError(f"KAFKA_CONFIG: is not valid JSON: {exc}") from exc
    wrong = [name for name, value in loaded.items() if not isinstance(value, (str, int, float))]
    if wrong:
        raise ValueError(f"KAFKA_CONFIG: must be a string, a number or a boolean: {', '.join(wrong)}")
    return loaded


def _parse_pairs(config: str) -> dict[str, Any]:
    """Parse ``name=value,…``. The error counts entries instead of quoting one, which may be half of a password."""
    pairs = [entry.partition("=") for entry in config.split(",") if entry.strip()]
    for number, (name, separator, _) in enumerate(pairs, 1):
        if not separator or not name.strip():
            raise ValueError(
                f"KAFKA_CONFIG: entry {number} is not name=value; write name=value,name=value, or a JSON object "
                "where a value holds a comma"
            )
    return {name.strip(): value.strip() for name, _, value in pairs}
