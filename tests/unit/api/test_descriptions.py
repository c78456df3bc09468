"""The served description of the API equals the file, and its page loads nothing else."""

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
    """The parts of a page that a browser would act on."""

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


def test_served_description_equals_the_file() -> None:
    answer = app_of(World()).test_client().get("/openapi.json")
    assert answer.json == openapi.document()
    validate(answer.json)


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
def test_description_needs_a_token_if_callers_need_one(path: str) -> None:
    client = app_of(World(), api_tokens="t").test_client()
    assert client.get(path).status_code == 401
    assert client.get(path, headers=TOKEN).status_code == 200


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
def test_description_is_served_while_the_database_is_unavailable(path: str) -> None:
    world = World(error=RuntimeError("no database"))
    assert app_of(world).test_client().get(path).status_code == 200
    assert world.asked == []


def test_page_shows_every_operation_and_every_schema(page: str) -> None:
    found = Page(page)
    operations = [each["operationId"] for item in openapi.document()["paths"].values() for each in item.values()]
    schemas = [f"schema-{name}" for name in openapi.document()["components"]["schemas"]]
    assert {*operations, *schemas} - set(found.ids) == set()
    assert len(found.ids) == len(set(found.ids))
    assert found.open == []


def test_page_loads_no_other_file_and_runs_no_script(page: str) -> None:
    found = Page(page)
    assert found.tags & {"script", "img", "link", "iframe", "form", "object", "base"} == set()
    assert found.handlers == []
    assert {target for target in found.targets if not target.startswith("#")} == {"openapi.json"}
    assert {target.removeprefix("#") for target in found.targets if target.startswith("#")} - set(found.ids) == set()


def test_content_security_policy_allows_only_the_style_sheet(page: str) -> None:
    policy = app_of(World()).test_client().get("/docs").headers["Content-Security-Policy"]
    (style,) = re.findall("<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.split("; ")[:2] == ["default-src 'none'", f"style-src 'sha256-{digest}'"]
    assert "unsafe" not in policy
