"""The form of a word behind a number. Every count that people read is written by this module."""


def plural(number: int, one: str, many: str) -> str:
    """``one`` for 1, else ``many``: "row" or "rows", "message waits" or "messages wait"."""
    return one if number == 1 else many


def number_of(number: int, one: str, many: str | None = None) -> str:
    """The number and its word: "1 row", "2 rows". Without ``many``, the plural is ``one`` with an s."""
    return f"{number} {plural(number, one, f'{one}s' if many is None else many)}"
