"""Objects that a ``with`` block starts and closes."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class ClosedAtExit(ABC):
    """A ``with`` block closes the object at its end."""

    @abstractmethod
    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class StartedAtEntry(ClosedAtExit):
    """A ``with`` block also starts the object, and closes it if the start fails."""

    @abstractmethod
    def start(self) -> Self: ...

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise
