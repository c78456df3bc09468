"""Checks real records against docs/asyncapi.yaml."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

PATH = Path(__file__).resolve().parents[2] / "docs" / "asyncapi.yaml"
_URI = "urn:asyncapi"


def check_event(body: dict[str, Any], headers: dict[str, str]) -> None:
    """Raises ValidationError unless body and headers are as described for the body's type."""
    pointer = f"/components/messages/{body['type']}"
    _validator(f"{pointer}/payload").validate(body)
    _validator(f"{pointer}/headers").validate(headers)


def check_dead_letter(body: dict[str, Any]) -> None:
    """Raises ValidationError unless it is as described."""
    _validator("/components/messages/dead_letter/payload").validate(body)


def check_command(body: dict[str, Any]) -> None:
    """Raises ValidationError unless it is a command as described, in the envelope."""
    _validator(f"/components/messages/{body['type']}/payload").validate(body)


@cache
def document() -> dict[str, Any]:
    """The description, parsed."""
    loaded: dict[str, Any] = yaml.load(PATH.read_text(encoding="utf-8"), yaml.CSafeLoader)
    return loaded


@cache
def _registry() -> Registry[Any]:
    resource: Resource[Any] = Resource.from_contents(document(), default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource(_URI, resource)
    return registry.crawl()


@cache
def _validator(pointer: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"{_URI}#{pointer}"}, registry=_registry(), format_checker=FormatChecker())
