"""librdkafka settings given through ``KAFKA_CONFIG``, ``KAFKA_SASL_*`` and ``KAFKA_SSL_*``."""

import json
from collections.abc import Mapping
from typing import Any

from runtime.settings_source import read_variable

_PREFIXES = ("KAFKA_SASL_", "KAFKA_SSL_")


def kafka_overrides(config: str | None, environ: Mapping[str, str]) -> dict[str, Any]:
    """Names and values for librdkafka; ``KAFKA_CONFIG`` overrides the single variables.

    ``KAFKA_SSL_CA_LOCATION`` sets ``ssl.ca.location``, ``KAFKA_SASL_MECHANISM`` sets ``sasl.mechanism``. Raises
    ValueError that names the variable when ``KAFKA_CONFIG`` can't be read.
    """
    return {**_single_variables(environ), **_parse(config)}


def _single_variables(environ: Mapping[str, str]) -> dict[str, Any]:
    names = {name.removesuffix("_FILE") for name in environ if name.startswith(_PREFIXES)}
    found = {name: read_variable(name, environ) for name in sorted(names)}
    return {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in found.items()
        if value is not None
    }


def _parse(config: str | None) -> dict[str, Any]:
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
