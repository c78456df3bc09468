"""The operators' page on a real database, with a scene in it."""

import html
import os
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page, sync_playwright
from pydantic import SecretStr
from sqlalchemy import Engine
from werkzeug.serving import WSGIRequestHandler, make_server

from devstack.postgres import Postgres
from devstack.stripe_simulator.client import SimulatorControl
from devstack.stripe_simulator.process import running
from runtime.current import Current
from runtime.record_search import Absent, Found, Sought
from service.api.ports import PagePorts
from service.app import create_app
from service.settings import ServiceSettings
from service.usecases.operations.desk import Desk
from service.usecases.operations.kafka_places import Search
from service.usecases.operations.page_acts import PageActs
from tests.integration.ops_page.scene import Scene, set_scene
from tests.support.chromium import ChromiumUnavailableError, find_chromium
from tests.support.core import Core, running_core
from tests.support.requirements import unavailable
from tests.unit.api.fakes import World
from tests.unit.domain.facts import POLICY

TOKEN = "letmein"
OPERATOR = "olivia"

Open = Callable[..., Page]


class House(NamedTuple):
    """A service in the middle of a bad night, and the page that shows it."""

    core: Core
    scene: Scene
    desk: Desk
    app: Flask


@pytest.fixture(scope="package")
def stripe() -> Iterator[SimulatorControl]:
    with running("--seed", "1") as control:
        yield control


@pytest.fixture(scope="module")
def house(postgres_server: Postgres, migrated_template: str, stripe: SimulatorControl) -> Iterator[House]:
    """One for all tests of a module: each of its tests acts on objects of its own."""
    name = f"test_page_{secrets.token_hex(6)}"
    stripe.reset()
    with running_core(postgres_server.databases.create(name, template=migrated_template), stripe) as core:
        scene, desk = set_scene(core), Desk(core.database, core.database)
        yield House(core, scene, desk, page_of(core.database, desk, in_kafka))
    postgres_server.databases.drop(name)


def in_kafka(sought: Sequence[Sought]) -> list[Found | Absent]:
    """A topic that has deleted its first record."""
    return [Absent.EXPIRED if number == 0 else Found(2, 40 + number) for number in range(len(sought))]


def page_of(database: Engine, desk: Desk, search: Search | None = None) -> Flask:
    """The page around a database."""
    settings = ServiceSettings(
        database_url=SecretStr("postgresql://unused/none"),
        stripe_secret_key=SecretStr("sk_test_1"),
        api_tokens=SecretStr(f"{OPERATOR}:{TOKEN}:operate,saga:s3cret"),
    )
    acts = PageActs(database, settings.payment_commands_topic, POLICY, timedelta(days=7))
    return create_app(Current(settings), replace(World().ports(), page=PagePorts(desk, acts, search)))


def page_text(client: FlaskClient, path: str) -> str:
    """A view as it reads. Fails on any other answer."""
    answer = client.get(path)
    assert (answer.status_code, answer.mimetype) == (200, "text/html"), answer.text
    return html.unescape(answer.text)


@pytest.fixture
def operator(house: House) -> FlaskClient:
    """A client that has logged in."""
    client = house.app.test_client()
    assert client.post("/ops/login", data={"token": TOKEN}).status_code == 303
    return client


class _Quiet(WSGIRequestHandler):
    """The service logs its requests itself."""

    def log(self, type: str, message: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def page_url(house: House) -> Iterator[str]:
    """The page, served."""
    server = make_server("127.0.0.1", 0, house.app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    try:
        found = find_chromium()
    except ChromiumUnavailableError as error:
        unavailable("Chromium", error, may_lack=True)
    with sync_playwright() as playwright:
        environment: dict[str, str | float | bool] = {**os.environ, **found.environment}
        browser = playwright.chromium.launch(executable_path=found.program, args=found.arguments, env=environment)
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Browser, page_url: str) -> Iterator[Open]:
    """Opens a page in a context of its own, logged in. Fails on what a script did wrong, or a policy forbade."""
    faults: list[str] = []
    contexts = []

    def make(path: str, *, logged_in: bool = True, **how: Any) -> Page:
        context = chromium.new_context(base_url=page_url, **how)
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: faults.append(dialog.message))
        page.on("console", lambda said: faults.append(said.text) if "Content Security" in said.text else None)
        if logged_in:
            context.request.post("/ops/login", form={"token": TOKEN})
        page.goto(path)
        return page

    yield make
    for context in contexts:
        context.close()
    assert faults == []
