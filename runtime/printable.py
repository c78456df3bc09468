"""Makes text from outside safe to print: a terminal obeys nothing in it."""

import json


def printable(text: str, keep: str = "") -> str:
    """Escape control characters, line ends and format characters (Unicode category Cf), as ``\\x1b`` or ``\\u202e``.

    Format characters can reorder or hide text. The characters in ``keep`` stay as they are.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in keep else _escaped(each) for each in text)


def printable_json(rendered: str) -> str:
    """The same for JSON, with JSON's own escapes, so its meaning stays. Line ends may occur only between values."""
    return "\n".join(line if line.isprintable() else _escaped_in_json(line) for line in rendered.split("\n"))


def _escaped_in_json(line: str) -> str:
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in line)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
