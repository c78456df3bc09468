"""An operator's act on many objects, one after the other: progress, results, counts and exit code."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from commandline.failures import CannotError
from commandline.output import follow, say, say_json, table

T = TypeVar("T")

_SHOWN_AT_MOST = 100
"""Of more results, only the failures are listed; ``--json`` has all."""


class Batch:
    """Acts on many objects, one after the other; each act is whole, whenever the work is interrupted."""

    def __init__(self, what: str, again: str | None = None) -> None:
        self._what = what
        self._again = "run it again to go on" if again is None else f"go on: {again}"
        self._results: list[dict[str, str]] = []
        self._failures: list[str] = []

    def run(self, objects: Sequence[T], name: Callable[[T], str], act: Callable[[T], str], *, as_json: bool) -> None:
        """Act on each object. An act on a single object raises its error.

        With several objects, all are tried. Raises CannotError if some failed, or if Ctrl-C ended the work early.
        """
        if len(objects) == 1:
            self._results.append({"id": name(objects[0]), "result": act(objects[0])})
            self._show(as_json=as_json)
            return
        stopped = False
        try:
            follow(self._what, self._each(objects, name, act), total=len(objects))
        except KeyboardInterrupt:
            stopped = True
        finally:
            self._show(as_json=as_json)
        if stopped:
            left = len(objects) - len(self._results)
            raise CannotError(f"interrupted: {len(self._results)} done, {left} left; {self._again}")
        if self._failures:
            raise CannotError(f"{len(self._failures)} of {len(objects)} could not be done")

    def _each(self, objects: Sequence[T], name: Callable[[T], str], act: Callable[[T], str]) -> Iterator[int]:
        from service.usecases.operations.errors import OperatorError

        for one in objects:
            try:
                result = act(one)
            except OperatorError as error:
                result = str(error)
                self._failures.append(name(one))
            self._results.append({"id": name(one), "result": result})
            yield 1

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
            say(f"{len(self._results) - len(self._failures)} done", err=True)
