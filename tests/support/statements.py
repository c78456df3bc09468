"""Counts the messages to PostgreSQL, of SQLAlchemy's sessions and plain ones alike."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest


class Statements:
    """Every round trip and commit of every connection made while this counts, by thread.

    Several statements sent together count as one; statements that prepare others do not count.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._sent: list[tuple[int, str]] = []
        self._commits: list[int] = []
        monkeypatch.setattr(psycopg2, "connect", partial(psycopg2.connect, connection_factory=self._factory()))

    def _factory(self) -> type[psycopg2.extensions.connection]:
        sent, commits = self._sent, self._commits

        class Cursor(psycopg2.extensions.cursor):
            def execute(self, query: Any, values: Any = None) -> None:
                if not str(query).startswith("PREPARE "):
                    sent.append((threading.get_ident(), " ".join(str(query).split())))
                super().execute(query, values)

        class Connection(psycopg2.extensions.connection):
            def cursor(self, *args: Any, **named: Any) -> Any:
                return super().cursor(*args, **{"cursor_factory": Cursor, **named})

            def commit(self) -> None:
                commits.append(threading.get_ident())
                super().commit()

        return Connection

    @contextmanager
    def of_this_thread(self) -> Iterator["Counted"]:
        """The messages of this thread inside the block; the renewal of a lease by another thread does not count."""
        counted, first, first_commit, me = Counted(), len(self._sent), len(self._commits), threading.get_ident()
        yield counted
        counted.statements = [text for thread, text in self._sent[first:] if thread == me]
        counted.transactions = self._commits[first_commit:].count(me)

    def all(self) -> list[str]:
        """Everything sent so far, by all threads."""
        return [text for _, text in self._sent]


class Counted:
    """Filled when the block is left."""

    statements: list[str]
    transactions: int

    @property
    def numbers(self) -> tuple[int, int]:
        """Round trips, and the transactions that they are in."""
        return len(self.statements), self.transactions
