"""Checks real records against docs/asyncapi.yaml and docs/schemas."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.validators import extend
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCHEMAS = DOCS / "schemas"
_BASE = "file:///schemas/"


def check_event(body: dict[str, Any], headers: dict[str, str]) -> None:
    """Raises ValidationError unless body and headers are as described for the body's type."""
    schema_of_message(body["type"]).validate(body)
    validator("event_headers").validate(headers)


def check_dead_letter(body: dict[str, Any]) -> None:
    """Raises ValidationError unless it is as described."""
    schema_of_message("dead_letter").validate(body)


def check_command(body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
    """Raises ValidationError unless it is a command as described; with ``headers``, one that the service has sent."""
    schema_of_message(body["type"]).validate(body)
    if headers is not None:
        validator("command_headers").validate(headers)


def schema_of_message(name: str) -> Draft202012Validator:
    """For the payload of a message in the AsyncAPI description. Raises KeyError for one that it does not have."""
    reference: str = asyncapi()["components"]["messages"][name]["payload"]["schema"]["$ref"]
    return validator(reference.removeprefix("schemas/").removesuffix(".json"))


@cache
def asyncapi() -> dict[str, Any]:
    """The description, parsed."""
    loaded: dict[str, Any] = yaml.load((DOCS / "asyncapi.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)
    return loaded


@cache
def schemas() -> dict[str, dict[str, Any]]:
    """Every schema by its name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in SCHEMAS.glob("*.json")}


@cache
def _registry() -> Registry[Any]:
    resources = [
        (f"{_BASE}{name}.json", Resource.from_contents(schema, default_specification=DRAFT202012))
        for name, schema in schemas().items()
    ]
    registry: Registry[Any] = Registry().with_resources(resources)
    return registry.crawl()


@cache
def validator(
    name: str, part: str = "", kind: type[Draft202012Validator] = Draft202012Validator
) -> Draft202012Validator:
    """For one schema, or a part of it (#/$defs/Name)."""
    reference = {"$ref": f"{_BASE}{name}.json{part}"}
    return kind(reference, registry=_registry(), format_checker=FormatChecker())


def _any_of(known: Any, branches: list[Any], instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if not any(known.evolve(schema=branch).is_valid(instance) for branch in branches):
        yield ValidationError("no branch of anyOf is valid")


Brief: type[Draft202012Validator] = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"anyOf": _any_of}
)
"""Without the errors of each branch, whose collection takes most of the time where a schema has many branches."""
