"""Checks real responses against docs/openapi.yaml."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

PATH = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"
URI = "urn:openapi"


@cache
def document() -> dict[str, Any]:
    """The description, parsed."""
    loaded: dict[str, Any] = yaml.load(PATH.read_text(encoding="utf-8"), yaml.CSafeLoader)
    return loaded


def operations() -> set[tuple[str, str]]:
    """Method and path of each operation described."""
    return {(method.upper(), path) for path, item in document()["paths"].items() for method in item}


@cache
def _registry() -> Registry[Any]:
    resource: Resource[Any] = Resource.from_contents(document(), default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource(URI, resource)
    return registry.crawl()


@cache
def validator(pointer: str) -> Draft202012Validator:
    """For the schema at a JSON pointer into the description."""
    return Draft202012Validator({"$ref": f"{URI}#{pointer}"}, registry=_registry(), format_checker=FormatChecker())


def check(method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Raises AssertionError or ValidationError for a response that differs from the description."""
    operation = document()["paths"][path][method.lower()]
    assert str(status) in operation["responses"], f"{method} {path} is not said to answer {status}: {body!r}"
    described, pointer = _resolved(operation["responses"][str(status)], _pointer("paths", path, method.lower(), status))
    missing = {name for name in described["headers"] if name not in headers} - {"Cache-Control"}
    assert not missing, f"{method} {path} {status} lacks {missing}"
    media_type = headers["Content-Type"].partition(";")[0]
    assert media_type in described["content"], f"{method} {path} {status} is {media_type}"
    if media_type == "application/json":
        escaped = media_type.replace("/", "~1")
        validator(f"{pointer}/content/{escaped}/schema").validate(json.loads(body))


def _pointer(*parts: object) -> str:
    escaped = [str(part).replace("~", "~0").replace("/", "~1") for part in parts]
    escaped.insert(3, "responses")
    return "/" + "/".join(escaped)


def _resolved(response: dict[str, Any], pointer: str) -> tuple[dict[str, Any], str]:
    if "$ref" not in response:
        return response, pointer
    target = response["$ref"].removeprefix("#")
    found: Any = document()
    for part in target.strip("/").split("/"):
        found = found[part]
    return found, target
