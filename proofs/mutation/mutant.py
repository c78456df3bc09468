"""A mutant: a patch that removes one mechanism, and the tests that cannot pass without the mechanism."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DIRECTORY = Path(__file__).parent / "mutants"

_PATCHED = re.compile(r"^\+\+\+ b/(\S+)$", re.MULTILINE)


class MutantError(Exception):
    """The patch cannot be applied, because the code has changed. Create the patch again."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """``guarantee`` is a row or heading of docs/guarantees.md; ``removed`` describes the code without the mechanism.

    ``tests`` are pytest's node ids. Each must fail; if an id selects several tests, one of them must fail.
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
        # git would take a tree inside a repository for a part of it.
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
