"""Values of dead letters as a page shows them, and as a form holds them."""

from service.storage.operator_session import Record

MOST_EDITED = 64 * 1024
"""Characters of a value that a form holds; longer ones are sent as they are, or edited by the command line."""


def readable(value: bytes | None) -> str | None:
    """The value as text; None for what is no UTF-8 text, or is missing."""
    try:
        return None if value is None else bytes(value).decode()
    except UnicodeDecodeError:
        return None


def editable(letter: Record) -> str | None:
    """The value as a form can hold it. A form's text has no NUL, and a row of our own outbox is not to be changed."""
    value = readable(letter["value"]) if letter["partition"] >= 0 else None
    return None if value is None or len(value) > MOST_EDITED or not _is_plain(value) else value


def _is_plain(value: str) -> bool:
    return all(each.isprintable() or each in "\n\r\t" for each in value)


def lines(value: str) -> str:
    """A form sends each line end as CR LF (HTML Standard, "Constructing the entry list")."""
    return value.replace("\r\n", "\n").replace("\r", "\n")
