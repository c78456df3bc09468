"""Options that several commands share, and how their values are written."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, TypeVar, cast

import click

F = TypeVar("F", bound=Callable[..., Any])


_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
"""No record lies outside. At the ends of Python's calendar neither a margin nor another offset can be reckoned with."""

_MOST_ROWS = 2**31 - 1


class MomentType(click.ParamType[datetime]):
    """A moment: ISO 8601 (UTC where it names no offset), or how long ago: ``15m``, ``2h``.

    A moment before 1970 is 1970, and one after 9998 the end of 9998.
    """

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        from runtime.durations import parse_duration

        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            try:
                moment = datetime.now(UTC) - parse_duration(value)
            except (ValueError, OverflowError):
                self.fail(f"{value!r} is neither ISO 8601 (2026-01-31T08:00Z) nor how long ago (15m, 2h)", param, ctx)
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return min(max(aware, _EARLIEST), _LATEST)


class DurationType(click.ParamType[timedelta]):
    """A duration as the settings write it: ``30s``, ``10m``."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        from runtime.durations import parse_duration

        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class AgeType(click.ParamType[timedelta]):
    """How long ago: ``15m``, ``6d``; or since a moment, ISO 8601."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        age = datetime.now(UTC) - MOMENT.convert(value, param, ctx)
        if age < timedelta():
            self.fail(f"{value!r} is in the future", param, ctx)
        return age


class PaymentType(click.types.StringParamType):
    """A payment by its own id, its order's, one of Stripe's, or the correlation id of a command about it.

    ``payment_filter.payment_called`` finds it.
    """

    name = "id"


MOMENT = MomentType()
PAYMENT = PaymentType()
AGE = AgeType()
DURATION = DurationType()


def gathered(command: F, name: str, fields: Iterable[str], make: Callable[..., Any]) -> F:
    """The command with one argument ``name``, which ``make`` creates from the options ``fields``."""

    @wraps(command)
    def gather(*args: Any, **options: Any) -> Any:
        made = make(**{field: options.pop(field) for field in fields})
        return command(*args, **{name: made}, **options)

    return cast("F", gather)


def json_option(command: F) -> F:
    """``--json``, as ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text for people.")(command)


def limit_option(command: F) -> F:
    """``--limit``."""
    return click.option(
        "--limit", type=click.IntRange(1, _MOST_ROWS), default=50, show_default=True, help="Print at most so many."
    )(command)


def span_options(command: F) -> F:
    """``--since`` and ``--until``."""
    until = click.option("--until", type=MOMENT, help="Before this time; written in the same way.")
    since = click.option("--since", type=MOMENT, help="From this time on: ISO 8601, or how long ago (15m, 2h).")
    return since(until(command))


def payment_option(command: F) -> F:
    """``--payment``, as ``payment``: the name of one, or None."""
    help_ = "Of this payment: its id, its order's if that has no other, one of Stripe's, or a command's."
    return click.option("--payment", type=PAYMENT, help=help_)(command)
