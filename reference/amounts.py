"""docs/schemas/amounts.json: which amounts a command may name, as JSON Schema.

Source: Stripe documentation, "Supported currencies"; the tables are those that check each command.
"""

import json
from collections import defaultdict
from typing import Any

from service.domain.money import CURRENCIES, limits

ID = "urn:payment-service:schemas:amounts"


def document() -> str:
    """The schema, as a file."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "Amounts by currency",
        "description": "Written by python -m reference from service/domain/money.py. A rule of a group applies to the "
        "amount of every currency in the group. An amount is an integer in the currency's minor unit.",
        "$defs": _groups(),
    }
    return f"{json.dumps(schema, indent=1)}\n"


def _groups() -> dict[str, Any]:
    codes: dict[tuple[int, int, int], list[str]] = defaultdict(list)
    for code in sorted(CURRENCIES):
        codes[limits(code)].append(code)
    return {
        part: rule
        for name, (bounds, members) in _named(codes).items()
        for part, rule in (
            (f"{name}-currency", {"type": "string", "pattern": f"^(?:{'|'.join(map(_any_case, members))})$"}),
            (f"{name}-amount", {"type": "integer", **_rule(*bounds)}),
        )
    }


def _named(codes: dict[tuple[int, int, int], list[str]]) -> dict[str, tuple[tuple[int, int, int], list[str]]]:
    return {members[0]: (bounds, members) for bounds, members in sorted(codes.items(), key=lambda item: item[1])}


def _rule(least: int, most: int, step: int) -> dict[str, int]:
    rule = {"minimum": least, "maximum": most}
    return rule if step == 1 else {**rule, "multipleOf": step}


def _any_case(code: str) -> str:
    return "".join(f"[{letter}{letter.upper()}]" for letter in code)
