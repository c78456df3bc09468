"""A mutant: a patch that takes one mechanism out, and the tests that cannot pass without the mechanism."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DIRECTORY = Path(__file__).parent / "mutants"

_PATCHED = re.compile(r"^\+\+\+ b/(\S+)$", re.MULTILINE)


class MutantError(Exception):
    """The patch can't be applied, because the code has moved on: make the patch anew."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """``guarantee`` is a row of docs/guarantees.md or one of its headings; ``removed`` says what is taken out.

    ``tests`` are pytest's node ids. Each must fail; of several tests that one id stands for, one must.
    """

    name: str
    group: str
    removed: str
    guarantee: str
    tests: tuple[str, ...]
    patch: Path

    @classmethod
    def read(cls, path: Path) -> "Mutant":
        """Read the lines above the patch. Raises KeyError when one of them is missing."""
        head = path.read_text(encoding="utf-8").partition("\n--- ")[0]
        found: dict[str, list[str]] = {}
        for line in head.splitlines():
            name, _, value = line.partition(": ")
            found.setdefault(name, []).append(value)
        return cls(
            name=path.stem,
            group=path.parent.name,
            removed=found["Removed"][0],
            guarantee=found["Guarantee"][0],
            tests=tuple(found["Caught by"]),
            patch=path,
        )

    @property
    def files(self) -> list[str]:
        """The files that the patch changes."""
        return _PATCHED.findall(self.patch.read_text(encoding="utf-8"))

    def apply(self, tree: Path) -> None:
        """Patch the files in ``tree``, which is in no git repository. Raises MutantError."""
        # A tree below a repository would be taken for a part of it.
        environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.resolve().parent)}
        command = ["git", "apply", "--whitespace=nowarn", str(self.patch)]
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise MutantError(f"{self.patch.relative_to(ROOT)}: {done.stderr.strip()}")


def all_mutants() -> dict[str, Mutant]:
    """Every mutant by its name, group by group. Raises ValueError when two have one name."""
    found: dict[str, Mutant] = {}
    for path in sorted(DIRECTORY.glob("*/*.patch")):
        mutant = Mutant.read(path)
        if mutant.name in found:
            raise ValueError(f"two mutants are called {mutant.name}")
        found[mutant.name] = mutant
    return found
