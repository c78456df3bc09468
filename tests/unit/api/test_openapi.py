"""docs/openapi.yaml describes exactly the routes of the service."""

from typing import Any

import pytest
from openapi_spec_validator import validate

from service.api.observability import template
from service.domain.commands.catalog import FIELDS
from service.domain.commands.command import CommandType
from service.domain.errors import ErrorCode
from service.domain.status import PaymentStatus
from tests.support import openapi
from tests.unit.api.fakes import World, app_of

SCHEMAS = "/components/schemas"


def _rules() -> set[tuple[str, str]]:
    return {
        (method, template(rule.rule).replace("<", "{").replace(">", "}"))
        for rule in app_of(World()).url_map.iter_rules()
        for method in rule.methods or ()
        if method != "HEAD"
    }


def _examples(node: Any, pointer: str = "") -> list[tuple[str, Any]]:
    if isinstance(node, list):
        return [found for n, each in enumerate(node) for found in _examples(each, f"{pointer}/{n}")]
    if not isinstance(node, dict):
        return []
    own = [(f"{pointer}/schema", node["example"])] if {"example", "schema"} <= node.keys() else []
    return own + [
        found
        for name, each in node.items()
        if name != "example"
        for found in _examples(each, f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}")
    ]


def test_document_is_valid() -> None:
    validate(openapi.document())


def test_description_has_exactly_the_routes_of_the_service() -> None:
    assert _rules() == openapi.operations()


@pytest.mark.parametrize(("pointer", "example"), _examples(openapi.document()))
def test_examples_match_their_schemas(pointer: str, example: Any) -> None:
    openapi.validator(pointer).validate(example)


def test_only_probes_webhook_and_a_log_in_are_described_without_a_token() -> None:
    paths = openapi.document()["paths"]
    opened = {(method, path) for path, item in paths.items() for method, op in item.items() if "security" in op}
    probes = {("get", path) for path in ("/health", "/ready", "/metrics")}
    assert opened == {*probes, ("post", "/stripe-webhook"), ("post", "/docs")}


def test_described_codes_and_statuses_equal_those_of_the_code() -> None:
    schemas = openapi.document()["components"]["schemas"]
    assert schemas["ErrorCode"]["enum"] == [code.value for code in ErrorCode]
    assert schemas["Status"]["enum"] == [status.value for status in PaymentStatus]


@pytest.mark.parametrize(("kind", "schema"), [(CommandType.RELEASE, "Release"), (CommandType.REVERT, "Revert")])
def test_described_bodies_have_the_fields_of_the_commands(kind: CommandType, schema: str) -> None:
    described = openapi.document()["components"]["schemas"][schema]
    fields = [field for field in FIELDS[kind] if field.name != "payment_id"]
    assert set(described["properties"]) == {field.name for field in fields}
    assert set(described.get("required", [])) == {field.name for field in fields if field.required}


def test_check_refuses_an_undescribed_answer() -> None:
    headers = {"Content-Type": "application/json", "X-Request-Id": "r"}
    openapi.check("GET", "/health", 200, headers, b'{"status":"healthy"}')
    with pytest.raises(Exception, match="was expected"):
        openapi.check("GET", "/health", 200, headers, b'{"status":"poorly"}')
    with pytest.raises(AssertionError, match="is not said to answer 418"):
        openapi.check("GET", "/health", 418, headers, b"{}")
    with pytest.raises(AssertionError, match="lacks"):
        openapi.check("GET", "/health", 200, {"Content-Type": "application/json"}, b'{"status":"healthy"}')
