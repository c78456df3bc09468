"""faststream-outbox as a relay of our rows, in a separate process and virtual environment."""

import hashlib
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.servers import query
from devstack.processes import Command, ManagedProcess, ProcessFailedError, run_to_end, scratch_directory

VERSION = "0.19.0"

_HERE = Path(__file__).resolve().parent
_PROGRAM = _HERE / "faststream" / "relay.py"
_LOCK = _HERE / "faststream" / "requirements.txt"
_ENVIRONMENT = _HERE.parent / ".venv" / "peers"
_INSTALL_SECONDS = 300.0
_START_SECONDS = 60.0

_FILL = """
    INSERT INTO faststream_outbox (queue, payload, headers)
    SELECT 'events', convert_to(value, 'UTF8'),
        (SELECT jsonb_object_agg(pair->>0, pair->>1) FROM json_array_elements(headers) AS pair)
    FROM outbox WHERE position > %s ORDER BY position
"""


class FaststreamUnavailableError(Exception):
    """It cannot be installed here; the message gives the reason."""


def find_python() -> Path:
    """The interpreter of its environment, which a changed lock file renews. Raises FaststreamUnavailableError."""
    python = _ENVIRONMENT / "bin" / "python"
    made = _ENVIRONMENT / hashlib.sha256(_LOCK.read_bytes()).hexdigest()
    if made.exists():
        return python
    print(f"installing faststream-outbox {VERSION} into {_ENVIRONMENT}, once")
    shutil.rmtree(_ENVIRONMENT, ignore_errors=True)
    scratch = scratch_directory("faststream")
    quietly = ("--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(_LOCK))
    make = [sys.executable, "-m", "venv", "--without-pip", str(_ENVIRONMENT)]
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", *quietly]
    try:
        for argv in (make, install):
            command = Command(name=" ".join(argv), argv=argv, log=scratch / "install.log", scratch=scratch)
            run_to_end(command, _INSTALL_SECONDS)
    except ProcessFailedError as error:
        raise FaststreamUnavailableError(str(error)) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    made.touch()
    return python


@contextmanager
def running(python: Path, url: str, bootstrap: str, topic: str) -> Iterator[int]:
    """Its process id, as soon as its table exists. Raises ProcessFailedError, TimeoutError."""
    scratch = scratch_directory("faststream")
    argv = [str(python), str(_PROGRAM), url, bootstrap, topic]
    process = ManagedProcess(Command(name="faststream-outbox", argv=argv, log=scratch / "relay.log", scratch=scratch))
    try:
        process.wait_until(lambda: query(url, "SELECT to_regclass('faststream_outbox')") != [(None,)], _START_SECONDS)
        yield process.pid
    finally:
        process.stop()
        shutil.rmtree(scratch, ignore_errors=True)


def fill(url: str, after: int) -> None:
    """Copies the outbox's rows behind position `after` into its table; all become visible together."""
    query(url, _FILL, after)
