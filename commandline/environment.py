"""Settings as a command needs them: loaded with one line a fault, and told in its ``--help``."""

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
    """Turns a setting that cannot be used into its line. Raises BadSettingError."""
    from runtime.settings_source import SettingError

    try:
        yield
    except SettingError as error:
        raise BadSettingError(str(error)) from error


def load_settings(kind: type[S], *, only: Collection[str] = (), **given: Any) -> S:
    """Settings of one process; where ``only`` names any, no other variable is read. Raises BadSettingError."""
    from runtime.settings import load

    with setting_faults():
        return load(kind, only=only, **given)


def database_url() -> str:
    """DATABASE_URL alone, for commands that need nothing else. Raises BadSettingError."""
    from runtime.settings import ProcessSettings

    return load_settings(ProcessSettings, only=("database_url",)).database_url.get_secret_value()


class DatabaseCommand(click.Command):
    """A command that reads one setting, as its ``--help`` says."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        formatter.write_text("Of the settings it reads DATABASE_URL only (or DATABASE_URL_FILE).")
        super().format_epilog(ctx, formatter)


class OperatorGroup(click.Group):
    """Commands that read DATABASE_URL only, where they don't say otherwise."""

    command_class = DatabaseCommand


class SettingsCommand(click.Command):
    """A command whose ``--help`` names every setting it reads, in the words of the settings themselves."""

    def __init__(self, *args: Any, settings: str, only: Collection[str] = (), **kwargs: Any) -> None:
        """``settings`` names a class as ``module:Class``; it is imported only when help is asked for.

        ``only``: what it reads of them; all, where nothing is named.
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
    """A setting's description, what it may be, and its default."""
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
