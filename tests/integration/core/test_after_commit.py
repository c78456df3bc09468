"""A line about an effect is written once, and only after its transaction has committed."""

import pytest
from sqlalchemy import text

from service.storage.engine import Connection, after_commit, in_transaction, transaction
from tests.support.core import Core

pytestmark = pytest.mark.postgres


def test_a_call_is_made_after_the_commit(core: Core) -> None:
    made: list[str] = []
    with transaction(core.database) as connection:
        connection.execute(text("SELECT 1"))
        after_commit(lambda: made.append("line"))
        assert made == []
    assert made == ["line"]


def test_a_call_is_not_made_after_a_rollback(core: Core) -> None:
    made: list[str] = []

    def work(_connection: Connection) -> None:
        after_commit(lambda: made.append("line"))
        raise KeyError

    with pytest.raises(KeyError):
        in_transaction(core.database, work)
    assert made == []


def test_a_call_of_a_repeated_transaction_is_made_once(core: Core) -> None:
    tries, made = iter(["RAISE lock_not_available", "NULL"]), []

    def work(connection: Connection) -> None:
        after_commit(lambda: made.append("line"))
        connection.execute(text(f"DO $$ BEGIN {next(tries)}; END $$"))

    in_transaction(core.database, work, lock_tries=2)
    assert made == ["line"]
