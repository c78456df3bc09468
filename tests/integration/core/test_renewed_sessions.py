"""Sessions that began with an old DATABASE_URL end when their work does."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from runtime.current import Current
from runtime.settings import ProcessSettings, load
from service.storage.engine import Connection, Engine, make_engine, transaction
from tests.support.loglines import logging_to_memory
from tests.support.secrets import Roles, roles_of

pytestmark = pytest.mark.postgres


@pytest.fixture
def roles(emptied_database: str) -> Iterator[Roles]:
    with roles_of(emptied_database) as both:
        yield both


@pytest.fixture
def secret(roles: Roles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file with DATABASE_URL, of the old role."""
    file = tmp_path / "DATABASE_URL"
    file.write_text(roles.url(roles.old))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("DATABASE_URL_FILE", str(file))
    return file


@pytest.fixture
def current(secret: Path) -> Current[ProcessSettings]:
    return Current(load(ProcessSettings))


@pytest.fixture
def pool(current: Current[ProcessSettings]) -> Iterator[Engine]:
    engine = make_engine(current, 2)
    yield engine
    engine.dispose()


def role_of(connection: Connection) -> str:
    return str(connection.execute(text("SELECT current_user")).scalar_one())


def test_open_transaction_ends_in_its_own_session_and_the_session_after_it(
    current: Current[ProcessSettings], pool: Engine, secret: Path, roles: Roles
) -> None:
    with transaction(pool) as idle, transaction(pool) as busy:
        assert {role_of(idle), role_of(busy)} == {roles.old}
    with transaction(pool) as busy:
        secret.write_text(roles.url(roles.new))
        assert current.renew()
        assert role_of(busy) == roles.old
        with transaction(pool) as other:
            assert role_of(other) == roles.new
    assert roles.old_is_gone(), "before anybody has taken a session again"


def test_idle_sessions_stay_while_nobody_can_log_in(
    current: Current[ProcessSettings], pool: Engine, secret: Path, roles: Roles
) -> None:
    """As while the database is away: whether the new secret is right can't be seen, so it is used."""
    with transaction(pool) as connection:
        role_of(connection)
    secret.write_text(roles.url(roles.new))
    for role in (roles.old, roles.new):
        roles.lock_out(role)
    with logging_to_memory() as lines:
        assert current.renew()
    assert [line["event"] for line in lines()] == ["idle_sessions_kept", "secrets_read_again"]
    roles.let_in(roles.new)
    with transaction(pool) as connection:
        assert role_of(connection) == roles.new
    assert roles.old_is_gone()
