"""An OpenAPI description as values for a template: operations by tag, and schemas with their fields."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Node = Mapping[str, Any]
_SCHEMAS = "#/components/schemas/"


def view(document: Node) -> dict[str, Any]:
    """The template's values."""
    return {
        "info": document["info"],
        "about": _paragraphs(document["info"]["description"]),
        "groups": [
            {"name": tag["name"], "operations": list(_operations(document, tag["name"]))} for tag in document["tags"]
        ],
        "schemas": [_schema(document, name) for name in document["components"]["schemas"]],
    }


def _paragraphs(text: str | None) -> list[list[tuple[str, bool]]]:
    """Paragraphs of parts; a part between backticks is code."""
    found = [" ".join(block.split()) for block in re.split(r"\n\s*\n", (text or "").strip())]
    return [[(part, n % 2 == 1) for n, part in enumerate(block.split("`")) if part] for block in found if block]


def _operations(document: Node, tag: str) -> Iterator[dict[str, Any]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if tag in operation["tags"]:
                yield {
                    "method": method.upper(),
                    "path": path,
                    "id": operation["operationId"],
                    "summary": operation["summary"],
                    "about": _paragraphs(operation.get("description")),
                    "open": operation.get("security") == [],
                    "parameters": [_parameter(document, each) for each in operation.get("parameters", [])],
                    "body": _content(operation["requestBody"]) if "requestBody" in operation else None,
                    "responses": [_response(document, *each) for each in operation["responses"].items()],
                }


def _parameter(document: Node, node: Node) -> dict[str, Any]:
    known = _resolved(document, node)
    return {
        "name": known["name"],
        "place": known["in"],
        "required": known.get("required", False),
        "types": _types(known["schema"]),
        "about": _paragraphs(known.get("description")),
    }


def _response(document: Node, status: str, node: Node) -> dict[str, Any]:
    known = _resolved(document, node)
    about = _paragraphs(known["description"])
    return {"status": status, "about": about, "headers": list(known.get("headers", ())), "body": _content(known)}


def _content(node: Node) -> dict[str, Any] | None:
    for media_type, media in node.get("content", {}).items():
        example = media.get("example")
        shown = None if example is None else json.dumps(example, indent=2, ensure_ascii=False)
        return {"media_type": media_type, "types": _types(media["schema"]), "example": shown}
    return None


def _schema(document: Node, name: str) -> dict[str, Any]:
    node = document["components"]["schemas"][name]
    fields, required = _fields(document, node)
    rows = [
        {
            "name": field,
            "required": field in required,
            "types": _types(each),
            "about": _paragraphs(each.get("description")),
        }
        for field, each in fields.items()
    ]
    return {"name": name, "about": _paragraphs(node.get("description")), "types": _types(node), "fields": rows}


def _fields(document: Node, node: Node) -> tuple[dict[str, Any], set[str]]:
    """The properties of a schema and of those that it consists of, and the names of those that are always there."""
    fields, required = dict(node.get("properties", {})), set(node.get("required", ()))
    for part in node.get("allOf", ()):
        more, needed = _fields(document, _resolved(document, part))
        fields, required = {**more, **fields}, required | needed
    return fields, required


def _types(node: Node) -> list[tuple[str, str | None]]:
    """A schema in words; a word with a target is a link to a schema of that name."""
    if "$ref" in node:
        name = node["$ref"].removeprefix(_SCHEMAS)
        return [(name, name)]
    for several in ("oneOf", "allOf"):
        if several in node:
            return [found for part in node[several] for found in _types(part)]
    if "const" in node:
        return [(json.dumps(node["const"]), None)]
    if "enum" in node:
        return [(str(value), None) for value in node["enum"]]
    kinds = node.get("type", "object")
    return [(f"{kind}{_limits(node)}", None) for kind in ([kinds] if isinstance(kinds, str) else kinds)]


def _limits(node: Node) -> str:
    known = ("format", "pattern", "minimum", "maximum", "minLength", "maxLength")
    found = ", ".join(f"{name} {node[name]}" for name in known if name in node)
    return f" ({found})" if found else ""


def _resolved(document: Node, node: Node) -> Node:
    if "$ref" not in node:
        return node
    found: Any = document
    for part in node["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)
