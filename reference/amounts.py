"""docs/schemas/amounts.json: the amounts that an authorize may name, as JSON Schema.

Source: Stripe documentation, "Supported currencies"; the tables are those that check each command.
"""

import json
from collections import defaultdict
from typing import Any

from service.domain.money import CURRENCIES, limits
from service.settings import ServiceSettings

Schema = dict[str, Any]
_NULL: Schema = {"type": "null"}


def document() -> str:
    """The schema, as a file."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Amounts by currency",
        "description": "Written by python -m reference from service/domain/money.py. An amount is an integer in the "
        "currency's minor unit, within the bounds of the currency's group. A group has the name of its first currency. "
        "The nested form may name no currency: DEFAULT_CURRENCY counts then, and sgd is its default.",
        "$defs": {**_parts(), "Flat": _flat(), "Nested": _nested()},
    }
    return f"{json.dumps(schema, indent=1)}\n"


def _groups() -> dict[str, list[str]]:
    """Currencies with the same bounds, by the first of them."""
    members: dict[tuple[int, int, int], list[str]] = defaultdict(list)
    for code in sorted(CURRENCIES):
        members[limits(code)].append(code)
    return {codes[0]: codes for codes in sorted(members.values())}


def _parts() -> dict[str, Schema]:
    return {
        part: schema
        for name, codes in _groups().items()
        for part, schema in ((f"{name}.currency", _currency(codes)), (f"{name}.amount", _amount(name)))
    }


def _currency(codes: list[str]) -> Schema:
    either = ("".join(f"[{letter}{letter.upper()}]" for letter in code) for code in codes)
    return {"type": "string", "maxLength": 3, "pattern": f"^(?:{'|'.join(either)})$"}


def _amount(currency: str) -> Schema:
    least, greatest, step = limits(currency)
    bounds = {"type": "integer", "minimum": least, "maximum": greatest}
    return bounds if step == 1 else {**bounds, "multipleOf": step}


def _part(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _flat() -> Schema:
    pairs = [{name: _part(f"{group}.{name}") for name in ("amount", "currency")} for group in _groups()]
    return {"required": ["amount", "currency"], "anyOf": [{"properties": pair} for pair in pairs]}


def _nested() -> Schema:
    """``amount`` and ``currency`` count beside ``order``, else in it."""
    default = ServiceSettings.model_fields["default_currency"].default
    return {
        "anyOf": [
            {
                "allOf": [
                    {"anyOf": _places("amount", group)},
                    {"anyOf": [*_places("currency", group), *([_UNNAMED] if default in codes else [])]},
                ]
            }
            for group, codes in _groups().items()
        ]
    }


def _places(name: str, group: str) -> list[Schema]:
    part = _part(f"{group}.{name}")
    inside = {"type": "object", "required": [name], "properties": {name: part}}
    return [
        {"required": [name], "properties": {name: part}},
        {"required": ["order"], "properties": {name: _NULL, "order": inside}},
    ]


_UNNAMED: Schema = {"properties": {"currency": _NULL, "order": {"properties": {"currency": _NULL}}}}
