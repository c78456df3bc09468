"""A real server process, and plain HTTP to it. Every answer is checked against docs/openapi.yaml."""

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from devstack.processes import Command, ManagedProcess, environment, scratch_directory
from tests.support import openapi

ROOT = Path(__file__).resolve().parents[3]
SERVE = [sys.executable, str(ROOT / "cli.py"), "serve"]
_LISTENING = re.compile(r"Listening at: http://(127\.0\.0\.\d):(\d+)")


class Answer(NamedTuple):
    """An answer. ``body`` is parsed JSON, or text for other content types."""

    status: int
    headers: dict[str, str]
    body: Any


@dataclass
class Server:
    """``cli.py serve`` on a free port."""

    process: ManagedProcess
    port: int
    log: Path
    host: str = "127.0.0.1"

    def connect(self, timeout: float = 30) -> http.client.HTTPConnection:
        """A new connection."""
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def ask(self, method: str, path: str, described: str, **request: Any) -> Answer:
        """One request on a new connection; ``described`` is the path in docs/openapi.yaml."""
        connection = self.connect()
        try:
            connection.request(method, path, **request)
            return answer_of(connection, method, described)
        finally:
            connection.close()

    def lines(self) -> list[dict[str, Any]]:
        """The log so far."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]


def answer_of(connection: http.client.HTTPConnection, method: str, described: str) -> Answer:
    """The answer to the request that was sent."""
    response = connection.getresponse()
    raw, headers = response.read(), dict(response.headers.items())
    openapi.check(method, described, response.status, headers, raw)
    is_json = headers["Content-Type"].startswith("application/json")
    return Answer(response.status, headers, json.loads(raw) if is_json else raw.decode())


def _environment(database_url: str, settings: Mapping[str, str]) -> dict[str, str]:
    known = {
        "DATABASE_URL": database_url,
        "STRIPE_SECRET_KEY": "sk_test_1",
        "STRIPE_API_BASE": "http://127.0.0.1:9",
        "PORT": "0",
        "WORKERS": "2",
        "SHUTDOWN_GRACE": "20s",
    }
    return environment(**{**known, **settings})


def run_serve(
    database_url: str, *, command: Sequence[str] = SERVE, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run ``cli.py serve`` until it ends by itself."""
    env = _environment(database_url, settings)
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def serving(database_url: str, *arguments: str, command: Sequence[str] = SERVE, **settings: str) -> Iterator[Server]:
    """A server with 2 workers, which is stopped at the end, or killed; ``arguments`` are options of ``serve``."""
    scratch = scratch_directory("http")
    log = scratch / "log"
    process = ManagedProcess(
        Command(
            name="serve",
            argv=[*command, *arguments],
            log=log,
            cwd=ROOT,
            scratch=scratch,
            env=_environment(database_url, settings),
        )
    )
    try:
        process.wait_until(lambda: _LISTENING.search(log.read_text(encoding="utf-8")) is not None, 60)
        found = _LISTENING.search(log.read_text(encoding="utf-8"))
        assert found is not None
        yield Server(process, int(found[2]), log, found[1])
    finally:
        if process.running:
            process.stop()
