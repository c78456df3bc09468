"""A LogReader that stops before each statement: its states, and the next state after each answer."""

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, NamedTuple

from relay.gaps import Writers
from relay.log_reader import Batch, DoubtError, Found, LogReader
from relay.positions import Range, Settled
from relay.receipt import LastRow


class Tail(NamedTuple):
    """The reader asks for rows from ``last`` on."""

    last: int
    limit: int


class Look(NamedTuple):
    """The reader asks for rows inside ``ranges``."""

    ranges: tuple[Range, ...]
    last: int
    limit: int


class AskWriters(NamedTuple):
    """The reader asks for the running writers."""


Request = Tail | Look | AskWriters


class _AskedError(Exception):
    """Ends a read at a statement that has no answer yet."""

    def __init__(self, request: Request) -> None:
        self.request = request


class _Script:
    """An OutboxSource that gives the prepared answers, and then stops the reader."""

    def __init__(self) -> None:
        self.answers: Iterator[Any] = iter(())

    def _next(self, request: Request) -> Any:
        for answer in self.answers:
            return answer
        raise _AskedError(request)

    def tail(self, last: int, limit: int) -> Found:
        return _own(self._next(Tail(last, limit)))

    def writers(self) -> Writers:
        found: Writers = self._next(AskWriters())
        return found

    def look(self, ranges: Sequence[Range], last: int, limit: int) -> Found:
        return _own(self._next(Look(tuple(ranges), last, limit)))


def _own(found: Found) -> Found:
    """A copy with a list that the reader may change."""
    return found._replace(rows=list(found.rows))


class Node(NamedTuple):
    """The reader at one point: before a statement, after a read, or at its end."""

    waits_for: Request | Batch | None
    """The statement or batch; None: the reader ended, because history changed."""
    reader: LogReader
    """The reader at the beginning of this read; after a batch, at the beginning of the next read."""
    answers: tuple[Any, ...]


class SteppedReader:
    """Numbers for all readers met. Readers with equal attributes and local variables are one."""

    def __init__(self, reader: type[LogReader], limit: int) -> None:
        self._class = reader
        self._limit = limit
        self._script = _Script()
        self._numbers: dict[Any, int] = {}
        self._read_on: dict[int, int] = {}
        self.nodes: list[Node] = []

    def begin(self, settled: Settled, last: LastRow | None) -> int:
        """A reader before its first statement."""
        return self._run(self._class(self._script, settled, self._limit, last), ())

    def answer(self, number: int, answer: Any) -> int:
        """The reader after its statement was answered."""
        node = self.nodes[number]
        return self._run(node.reader, (*node.answers, answer))

    def read_on(self, number: int) -> int:
        """The reader after a batch, before the first statement of its next read."""
        if number not in self._read_on:
            self._read_on[number] = self._run(self.nodes[number].reader, ())
        return self._read_on[number]

    def _run(self, start: LogReader, answers: tuple[Any, ...]) -> int:
        reader = _copy(start, self._script)
        self._script.answers = iter(answers)
        try:
            batch = reader.read()
        except _AskedError as asked:
            place = _places(asked.__traceback__)
            return self._number((asked.request, place, _frozen(reader)), Node(asked.request, start, answers))
        except DoubtError:
            return self._number("changed", Node(None, start, answers))
        return self._number((_frozen(batch), _frozen(reader)), Node(batch, reader, ()))

    def _number(self, key: Any, node: Node) -> int:
        if key not in self._numbers:
            self._numbers[key] = len(self.nodes)
            self.nodes.append(node)
        return self._numbers[key]


def _copy(value: Any, shared: object) -> Any:
    """A copy that shares no list, dictionary or object with ``value`` except ``shared``."""
    if value is shared:
        return value
    if isinstance(value, list):
        return [_copy(item, shared) for item in value]
    if isinstance(value, dict):
        return {name: _copy(item, shared) for name, item in value.items()}
    if not hasattr(value, "__dict__"):
        return value
    made = object.__new__(type(value))
    for name, item in vars(value).items():
        setattr(made, name, _copy(item, shared))
    return made


def _places(traceback: TracebackType | None) -> list[Any] | tuple[Any, ...]:
    """The reader's place in the code, and its local variables there, without this module's frames and ``self``."""
    places = []
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_code.co_filename != __file__:
            own = [(name, _frozen(value)) for name, value in frame.f_locals.items() if name != "self"]
            places.append((frame.f_code.co_qualname, traceback.tb_lasti, tuple(own)))
        traceback = traceback.tb_next
    return tuple(places)


def _frozen(value: Any) -> Any:
    """All parts of ``value`` that can make a difference, in hashable form."""
    if isinstance(value, list | tuple):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return tuple((name, _frozen(item)) for name, item in value.items())
    if isinstance(value, _Script):
        return None
    if hasattr(value, "__dict__"):
        return type(value).__name__, _frozen(vars(value))
    return value
