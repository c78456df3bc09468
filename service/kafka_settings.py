"""librdkafka settings given through ``KAFKA_CONFIG``, ``KAFKA_SASL_*`` and ``KAFKA_SSL_*``."""

import json
from collections.abc import Mapping
from typing import Any

from service.settings_source import read_variable

_PREFIXES = ("KAFKA_SASL_", "KAFKA_SSL_")


def kafka_overrides(config: str | None, environ: Mapping[str, str]) -> dict[str, Any]:
    """Names and values for librdkafka; ``KAFKA_CONFIG`` wins over the single variables.

    ``KAFKA_SSL_CA_LOCATION`` is ``ssl.ca.location``; ``KAFKA_SASL_MECHANISM`` is ``sasl.mechanism``.
    Raises ValueError that names the variable when ``KAFKA_CONFIG`` cannot be read.
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
    if config.lstrip().startswith("{"):
        try:
            loaded = json.loads(config)
        except json.JSONDecodeError as exc:
            raise ValueError(f"KAFKA_CONFIG: is not valid JSON: {exc}") from exc
        return dict(loaded)
    pairs = [entry.partition("=") for entry in config.split(",") if entry.strip()]
    for name, separator, _ in pairs:
        if not separator:
            raise ValueError(f"KAFKA_CONFIG: {name.strip()!r} has no value; write name=value,name=value")
    return {name.strip(): value.strip() for name, _, value in pairs}
