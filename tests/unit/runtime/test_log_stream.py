"""A line that standard error does not take is lost and counted; the writer goes on."""

import errno
import fcntl
import os
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path

import pytest

from runtime import log_stream
from runtime.log_stream import LogStream, LostLines

PAGE = 4096


class Pipe:
    """A pipe of two pages, as a stream to write to, and what its reader takes."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, 2 * PAGE)
        self.stream = os.fdopen(self.writer, "w", buffering=1, closefd=False)

    def read(self) -> str:
        """Everything that is in the pipe."""
        return os.read(self.reader, 100 * PAGE).decode()


@pytest.fixture
def lost(monkeypatch: pytest.MonkeyPatch) -> LostLines:
    """The count of the lines that are lost in the test."""
    monkeypatch.setattr(log_stream, "PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(log_stream, "LOST_LINES", LostLines())
    return log_stream.LOST_LINES


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    os.close(pipe.reader)
    os.close(pipe.writer)


def test_reader_that_hangs_costs_lines_and_no_time(pipe: Pipe, lost: LostLines) -> None:
    log = LogStream(pipe.stream)
    for number in range(100):
        log.write(f"{number:>99}\n")
    assert 0 < lost.number < 100
    assert pipe.read().splitlines() == [f"{number:>99}" for number in range(100 - lost.number)]
    log.write("again\n")
    assert pipe.read() == "again\n"


def test_line_after_a_torn_one_begins_on_its_own(pipe: Pipe, lost: LostLines) -> None:
    log = LogStream(pipe.stream)
    log.write("x" * 3 * PAGE + "\n")
    log.write("lost\n")
    assert lost.number == 2
    assert set(pipe.read()) == {"x"}
    log.write("whole\n")
    assert pipe.read() == "\nwhole\n"


@pytest.mark.parametrize("number", [errno.EPIPE, errno.ENOSPC, errno.EIO])
def test_refused_line_is_counted(number: int, lost: LostLines) -> None:
    class Refusing(TextIOWrapper):
        def write(self, _: str) -> int:
            raise OSError(number, "refused")

    with Path(os.devnull).open("wb") as nowhere:
        log = LogStream(Refusing(nowhere))
        assert log.write("line\n") == 5
        assert lost.number == 1


def test_standard_error_that_is_closed_is_no_fault(lost: LostLines) -> None:
    LogStream(None).write("line\n")
    assert lost.number == 1
