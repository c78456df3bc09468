"""Text from outside as a terminal may have it: nothing in it is obeyed."""

import json


def printable(text: str, keep: str = "") -> str:
    """Control characters, line ends, and what turns or hides text (Unicode category Cf), as ``\\x1b`` or ``\\u202e``.

    ``keep`` are characters left as they are.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in keep else _escaped(each) for each in text)


def printable_json(rendered: str) -> str:
    """The same for JSON, escaped as JSON escapes: it means what it meant. Line ends stand between values only."""
    if rendered.isprintable():
        return rendered
    return "".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in rendered)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
