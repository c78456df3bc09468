"""The API's description, served: the same as the file, and a page that needs nothing else."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from openapi_spec_validator import validate

from tests.support import openapi
from tests.unit.api.fakes import World, app_of

TOKEN = {"Authorization": "Bearer t"}


@pytest.fixture
def page() -> str:
    return app_of(World()).test_client().get("/docs").text


class Page(HTMLParser):
    """What a browser would look at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.targets: set[str] = set()
        self.handlers: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.targets |= {given["href"] or ""} if "href" in given else set()
        self.handlers += [name for name in given if name.startswith("on") or name == "style"]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_description_is_served_as_it_is() -> None:
    answer = app_of(World()).test_client().get("/openapi.json")
    assert answer.json == openapi.document()
    validate(answer.json)


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
def test_the_description_needs_a_token_where_callers_need_one(path: str) -> None:
    client = app_of(World(), api_tokens="t").test_client()
    assert client.get(path).status_code == 401
    assert client.get(path, headers=TOKEN).status_code == 200


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
def test_the_description_is_there_while_the_database_is_not(path: str) -> None:
    world = World(error=RuntimeError("no database"))
    assert app_of(world).test_client().get(path).status_code == 200
    assert world.asked == []


def test_the_page_has_every_operation_and_every_schema(page: str) -> None:
    found = Page(page)
    operations = [each["operationId"] for item in openapi.document()["paths"].values() for each in item.values()]
    schemas = [f"schema-{name}" for name in openapi.document()["components"]["schemas"]]
    assert {*operations, *schemas} - set(found.ids) == set()
    assert len(found.ids) == len(set(found.ids))
    assert found.open == []


def test_the_page_asks_for_nothing_and_runs_nothing(page: str) -> None:
    found = Page(page)
    assert found.tags & {"script", "img", "link", "iframe", "form", "object", "base"} == set()
    assert found.handlers == []
    assert {target for target in found.targets if not target.startswith("#")} == {"openapi.json"}
    assert {target.removeprefix("#") for target in found.targets if target.startswith("#")} - set(found.ids) == set()


def test_the_policy_allows_the_style_sheet_alone(page: str) -> None:
    policy = app_of(World()).test_client().get("/docs").headers["Content-Security-Policy"]
    (style,) = re.findall("<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.split("; ")[:2] == ["default-src 'none'", f"style-src 'sha256-{digest}'"]
    assert "unsafe" not in policy
