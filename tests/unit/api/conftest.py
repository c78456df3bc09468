"""The HTTP interface around fakes."""

import pytest
from flask.testing import FlaskClient

from tests.unit.api.fakes import World, app_of


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def client(world: World) -> FlaskClient:
    return app_of(world).test_client()
