"""Stripe's own stripe-mock: stateless, but it knows every parameter of Stripe's OpenAPI description."""

import shutil
from pathlib import Path

from devstack.ports import accepts_connections, free_port
from devstack.processes import Command, ManagedProcess, ProcessFailedError, environment, run_to_end, scratch_directory
from tests.support.kept_programs import kept

VERSION = "v0.203.0"
_MODULE = "github.com/stripe/stripe-mock"
_DOWNLOAD_SECONDS = 30.0
_BUILD_SECONDS = 300.0
_START_SECONDS = 30.0


class StripeMockUnavailableError(Exception):
    """Go or the module is not available."""


class StripeMock:
    """A running stripe-mock. Raises StripeMockUnavailableError, ProcessFailedError."""

    def __init__(self) -> None:
        program = find_program()
        self._scratch = scratch_directory("stripe-mock")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._process = ManagedProcess(
            Command(
                name="stripe-mock",
                argv=[
                    str(program),
                    *("-http-addr", f"127.0.0.1:{port}"),
                    *("-https-addr", "127.0.0.1:0"),  # unused, but without this option it is a fixed port
                ],
                log=self._scratch / "stripe-mock.log",
                scratch=self._scratch,
            )
        )
        try:
            self._process.wait_until(lambda: accepts_connections("127.0.0.1", port), _START_SECONDS)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._process.kill()
        shutil.rmtree(self._scratch, ignore_errors=True)


def find_program() -> Path:
    """The cached program, or a new one. Raises StripeMockUnavailableError when neither is possible."""
    return kept(f"stripe-mock-{VERSION}", _build) / "stripe-mock"


def _build(building: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise StripeMockUnavailableError("there is no go on the PATH to build it")
    try:
        for words, seconds in ((["mod", "download"], _DOWNLOAD_SECONDS), (["install"], _BUILD_SECONDS)):
            run_to_end(
                Command(
                    name=f"go {words[0]}",
                    argv=[go, *words, f"{_MODULE}@{VERSION}"],
                    log=building / "go.log",
                    env=environment(GOBIN=str(building)),
                    cwd=building,
                    scratch=building,
                ),
                seconds,
            )
    except ProcessFailedError as error:
        raise StripeMockUnavailableError(str(error)) from error
