"""A mechanism, how it is taken out, and the tests that cannot pass without it."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class ChangeError(Exception):
    """The old text does not stand exactly once in its file: the code has moved on, the change must follow."""


@dataclass(frozen=True, slots=True)
class Change:
    """One place in one file; ``old`` stands there exactly once."""

    path: str
    old: str
    new: str

    def applied(self, tree: Path = ROOT) -> str:
        """The file's text after the change. Raises ChangeError."""
        text = (tree / self.path).read_text(encoding="utf-8")
        if (times := text.count(self.old)) != 1:
            raise ChangeError(f"{self.path} holds it {times} times, not once:\n{self.old}")
        return text.replace(self.old, self.new)

    def apply(self, tree: Path) -> None:
        """Change the file in ``tree``. Raises ChangeError."""
        (tree / self.path).write_text(self.applied(tree), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Mechanism:
    """``guarantee`` is a row of docs/guarantees.md, or one of its headings; ``removed`` says in words what is taken
    out; ``tests`` are pytest's node ids, and each must fail: what stands for several tests, in one of them."""

    name: str
    guarantee: str
    removed: str
    changes: tuple[Change, ...]
    tests: tuple[str, ...]
