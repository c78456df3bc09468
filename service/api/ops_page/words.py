"""How the page writes times, ages, amounts of money, and text from outside."""

from datetime import datetime
from decimal import Decimal

from runtime.durations import age
from runtime.plurals import plural
from runtime.printable import printable
from service.domain.money import THREE_DECIMAL, ZERO_DECIMAL
from service.usecases.operations.kafka_places import in_words


def moment(at: datetime | None) -> str:
    """``2026-11-28 17:58:03`` (UTC)."""
    return "–" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def instant(at: datetime) -> str:
    """``2026-11-28 17:58:03.125`` (UTC)."""
    return f"{moment(at)}.{at.microsecond // 1000:03d}"


def money(minor: int, currency: str) -> str:
    """``12.50 SGD`` for 1250 cents."""
    digits = 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2
    return f"{Decimal(minor).scaleb(-digits):,.{digits}f} {currency.upper()}"


def plain(text: object) -> str:
    """The text with every character visible: one that changes the direction of writing, say, as an escape."""
    return "–" if text is None else printable(str(text))


def counted(rows: int) -> str:
    """``12,345``."""
    return f"{rows:,}"


FILTERS = {
    "age": age,
    "moment": moment,
    "instant": instant,
    "money": money,
    "plain": plain,
    "counted": counted,
    "plural": plural,
    "in_kafka": in_words,
}
