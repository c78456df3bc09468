"""Reads settings from the environment, also from the file that ``NAME_FILE`` names (a mounted secret)."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from runtime.errors import PaymentServiceError


class SettingError(PaymentServiceError, ValueError):
    """A setting that can't be used; the message starts with the setting's name."""


def read_variable(name: str, environ: Mapping[str, str] | None = None) -> str | None:
    """The value of ``name``, or the contents of the file that ``name_FILE`` names, without a final newline.

    An empty variable counts as unset. Raises SettingError when both are set, or the file is empty or unreadable.
    """
    env = os.environ if environ is None else environ
    value, path = env.get(name), env.get(f"{name}_FILE")
    if value and path:
        raise SettingError(f"{name}: {name} and {name}_FILE are both set; keep one")
    return _read_file(name, path) if path else value or None


def _read_file(name: str, path: str) -> str:
    try:
        value = Path(path).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingError(f"{name}_FILE: cannot read {path}: {_reason(exc)}") from exc
    if not value:
        raise SettingError(f"{name}_FILE: {path} is empty")
    return value


def _reason(exc: OSError | UnicodeDecodeError) -> str:
    """The reason without the bytes that a decoding error quotes, because they may be part of a secret."""
    return "is not UTF-8" if isinstance(exc, UnicodeDecodeError) else exc.strerror or type(exc).__name__


class EnvironmentSource(PydanticBaseSettingsSource):
    """Reads every field from the variable of its upper-case name, or from ``NAME_FILE``."""

    def __init__(self, settings_cls: type[BaseSettings], reads: Collection[str] | None = None) -> None:
        """``reads``: the names of the fields to read; None for all."""
        super().__init__(settings_cls)
        self._reads = settings_cls.model_fields.keys() if reads is None else reads

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return read_variable(field_name.upper()), field_name, False

    def __call__(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        faults: list[str] = []
        for name in self._reads:
            try:
                values[name] = read_variable(name.upper())
            except SettingError as exc:
                faults.append(str(exc))
        if faults:
            raise SettingError("\n".join(faults))
        return {name: value for name, value in values.items() if value is not None}
