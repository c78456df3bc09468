"""Settings of commands: loads them with one line for each fault, and lists them in ``--help``."""

import pkgutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

import click

from commandline.failures import BadSettingError

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from runtime.settings import ProcessSettings

S = TypeVar("S", bound="ProcessSettings")

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


@contextmanager
def setting_faults() -> Iterator[None]:
    """Turns an unusable setting into one line. Raises BadSettingError."""
    from runtime.settings_source import SettingError

    try:
        yield
    except SettingError as error:
        raise BadSettingError(str(error)) from error


def load_settings(kind: type[S], **given: Any) -> S:
    """Settings of one process. Raises BadSettingError."""
    from runtime.settings import load

    with setting_faults():
        return load(kind, **given)


def database_url() -> str:
    """DATABASE_URL alone, for commands that need nothing else. Raises BadSettingError."""
    from runtime.settings import ProcessSettings

    return load_settings(ProcessSettings).database_url.get_secret_value()


class SettingsCommand(click.Command):
    """A command whose ``--help`` lists every setting that it reads, with the settings' own descriptions."""

    def __init__(self, *args: Any, settings: str, only: Collection[str] = (), **kwargs: Any) -> None:
        """``settings`` names a class as ``module:Class``, which only ``--help`` imports.

        ``only``: the settings that the command reads; all by default.
        """
        super().__init__(*args, **kwargs)
        self._settings = settings
        self._only = only

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        kind: type[ProcessSettings] = pkgutil.resolve_name(self._settings)
        with formatter.section("Settings, from the environment; NAME_FILE reads any of them from a file"):
            read = {
                name: field for name, field in kind.model_fields.items() if name in (self._only or kind.model_fields)
            }
            formatter.write_dl([(name.upper(), meaning(field)) for name, field in read.items()])
        super().format_epilog(ctx, formatter)


def meaning(field: "FieldInfo") -> str:
    """A setting's description, its possible values and its default."""
    words = [field.description or ""]
    if get_origin(field.annotation) is Literal:
        words.append(f"one of {', '.join(get_args(field.annotation))}")
    if field.is_required():
        words.append("required")
    elif field.default is not None:
        words.append(f"default {_as_written(field.default)}")
    return "; ".join(words)


def _as_written(default: object) -> str:
    if not isinstance(default, timedelta):
        return str(default)
    seconds = int(default.total_seconds())
    return next(f"{seconds // size}{unit}" for size, unit in _UNITS if seconds % size == 0)
