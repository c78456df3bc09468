"""A file system backup of a server, and ways to restore it."""

import shutil
import subprocess
from enum import Enum, auto
from pathlib import Path

from devstack.postgres_embedded import EmbeddedPostgres


class Return(Enum):
    """The ways in which a database goes back in time."""

    SAME_FILES = auto()
    """The files are restored: system identifier and timeline stay, as after a failover that lost the last commits."""
    NEW_TIMELINE = auto()
    """The server recovers and is promoted: a new timeline begins (PostgreSQL documentation, "Continuous Archiving")."""


class Backup:
    """A backup made during a short stop of the server."""

    def __init__(self, server: EmbeddedPostgres, directory: Path) -> None:
        self._server = server
        self._copy = directory / "backup"
        server.stop()
        _copy(server.data_directory, self._copy)
        server.start()

    def restore(self, how: Return) -> None:
        """Restore the server's state of that time; all later writes are lost."""
        data = self._server.data_directory
        self._server.stop()
        shutil.rmtree(data)
        _copy(self._copy, data)
        if how is Return.NEW_TIMELINE:
            self._server.promote()
        else:
            self._server.start()


def _copy(source: Path, target: Path) -> None:
    """Copies files with their owners, because the server of root runs as another user."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)
