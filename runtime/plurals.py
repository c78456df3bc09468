"""The form of a word behind a number."""


def plural(number: int, one: str, many: str) -> str:
    """``one`` for 1, else ``many``: "row" or "rows", "message waits" or "messages wait"."""
    return one if number == 1 else many
