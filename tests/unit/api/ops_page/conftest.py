"""The operators' page without a database."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr
from sqlalchemy import create_engine

from runtime.current import Current
from service.api.ports import PagePorts
from service.app import create_app
from service.settings import ServiceSettings
from service.usecases.operations.desk import Desk
from service.usecases.operations.page_acts import PageActs
from tests.unit.api.fakes import Fault, Unreachable, World
from tests.unit.domain.facts import POLICY

TOKEN = "létmein"
NO_ENGINE = create_engine("sqlite://")


class EmptyDesk(Desk):
    """Knows of no act, or has no database."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def actions(self, below: int | None) -> list[Any]:
        if self.error is not None:
            raise self.error
        return []


@pytest.fixture
def desk() -> EmptyDesk:
    return EmptyDesk()


def app_with(desk: Desk | None, *, fault: Fault | None = None, **changed: Any) -> Flask:
    known: dict[str, Any] = {
        "database_url": "postgresql://nowhere/none",
        "stripe_secret_key": SecretStr("sk_test_1"),
        "api_tokens": SecretStr(f"olivia:{TOKEN}:operate,saga:s3cret"),
    }
    acts = PageActs(NO_ENGINE, "payment_commands", POLICY, timedelta(days=7))
    page = None if desk is None else PagePorts(desk, acts)
    return create_app(Current(ServiceSettings(**{**known, **changed})), replace(World(fault=fault).ports(), page=page))


@pytest.fixture
def client(desk: EmptyDesk) -> FlaskClient:
    return app_with(desk).test_client()


@pytest.fixture
def browser(client: FlaskClient) -> FlaskClient:
    """A client that has logged in."""
    assert client.post("/ops/login", data={"token": TOKEN}).status_code == 303
    return client


__all__ = ["TOKEN", "EmptyDesk", "Unreachable", "app_with"]
