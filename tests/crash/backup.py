"""A file system backup of a server, and ways to come back from one."""

import shutil
import subprocess
from enum import Enum, auto
from pathlib import Path

from devstack.postgres_embedded import EmbeddedPostgres


class Return(Enum):
    """How a database goes back in time."""

    SAME_FILES = auto()
    """The files are put back: system identifier and timeline stay, as after a failover that lost what was last."""
    NEW_TIMELINE = auto()
    """Recovered and promoted (PostgreSQL documentation, "Continuous Archiving": a new timeline begins)."""


class Backup:
    """Made while the server is stopped for a moment."""

    def __init__(self, server: EmbeddedPostgres, directory: Path) -> None:
        self._server = server
        self._copy = directory / "backup"
        server.stop()
        _copy(server.data_directory, self._copy)
        server.start()

    def restore(self, how: Return) -> None:
        """The server is as it was then; all that was written since is gone."""
        data = self._server.data_directory
        self._server.stop()
        shutil.rmtree(data)
        _copy(self._copy, data)
        if how is Return.NEW_TIMELINE:
            self._server.promote()
        else:
            self._server.start()


def _copy(source: Path, target: Path) -> None:
    """With owners: root's server runs as another user."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)
