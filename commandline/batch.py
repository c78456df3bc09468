"""An operator's act on many objects, one after the other: progress, results, counts and exit code."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from commandline.failures import CannotError, database_errors, reason_of
from commandline.output import follow, say, say_json, table

T = TypeVar("T")
Id = str | int
"""As lists show it: the number of a dead letter is a number in JSON, too."""

_SHOWN_AT_MOST = 100
"""Of more results, only the failures are listed; ``--json`` has all."""


class Skipped(NamedTuple):
    """The result of an act that changed nothing, because the object does not need it."""

    why: str

    def __str__(self) -> str:
        return f"skipped: {self.why}"


class Batch:
    """Acts on many objects, one after the other; each act is whole, whenever the work is interrupted."""

    def __init__(self, what: str, again: str | None = None) -> None:
        self._what = what
        self._again = "run it again to go on" if again is None else f"go on: {again}"
        self._results: list[dict[str, Id]] = []
        self._failures: set[Id] = set()
        self._counts: Counter[str] = Counter()
        self._ended_by = ""

    def run(
        self, objects: Sequence[T], name: Callable[[T], Id], act: Callable[[T], str | Skipped], *, as_json: bool
    ) -> None:
        """Act on each object. An act on a single object raises its error.

        With several objects, all are tried until Ctrl-C or the loss of the database. Raises CannotError with the counts
        if some failed or were left. An object whose act must wait for another one is left open.
        """
        if len(objects) == 1:
            self._add(name(objects[0]), act(objects[0]))
            self._show(as_json=as_json)
            return
        try:
            follow(self._what, self._each(objects, name, act), total=len(objects))
        except KeyboardInterrupt:
            self._ended_by = "interrupted: "
        finally:
            self._show(as_json=as_json)
        self._counts["left"] = len(objects) - len(self._results)
        counts = ", ".join(f"{self._counts[each]} {each}" for each in _COUNTED if self._counts[each])
        if self._counts["left"] or self._counts[_OPEN]:
            raise CannotError(f"{self._ended_by}{counts}; {self._again}")
        if self._failures:
            raise CannotError(f"{self._ended_by}{counts}")
        say(counts, err=True)

    def _each(self, objects: Sequence[T], name: Callable[[T], Id], act: Callable[[T], str | Skipped]) -> Iterator[int]:
        from service.storage.availability import is_about_one_object
        from service.usecases.operations.errors import NotYetError, OperatorError

        for one in objects:
            try:
                self._add(name(one), act(one))
            except NotYetError as error:
                self._results.append({"id": name(one), "result": f"{_OPEN}: {error}"})
                self._counts[_OPEN] += 1
            except OperatorError as error:
                self._add_failure(name(one), str(error))
            except database_errors() as error:
                reason = f"database: {reason_of(error)}"
                self._add_failure(name(one), reason)
                if not is_about_one_object(error):
                    self._ended_by = f"{reason}; "
                    return
            yield 1

    def _add(self, id_: Id, result: str | Skipped) -> None:
        self._results.append({"id": id_, "result": str(result)})
        self._counts["skipped" if isinstance(result, Skipped) else "done"] += 1

    def _add_failure(self, id_: Id, reason: str) -> None:
        self._results.append({"id": id_, "result": reason})
        self._failures.add(id_)
        self._counts["failed"] += 1

    def _show(self, *, as_json: bool) -> None:
        if as_json:
            say_json(self._results, indent=2)
        elif len(self._results) == 1:
            say(f"{self._results[0]['id']} {self._results[0]['result']}")
        elif self._results:
            every = len(self._results) <= _SHOWN_AT_MOST
            shown = [each for each in self._results if every or each["id"] in self._failures]
            if shown:
                table(shown, ("id", "result"))


_OPEN = "left open"
_COUNTED = ("done", "skipped", "failed", _OPEN, "left")
