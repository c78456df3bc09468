"""The Dockerfile as its instructions."""

import json
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Instruction:
    """One instruction of one build stage."""

    stage: str
    word: str
    rest: str

    @property
    def argv(self) -> list[str]:
        """The arguments of ENTRYPOINT, CMD and HEALTHCHECK CMD in their exec form."""
        found: list[str] = json.loads(self.rest[self.rest.index("[") :])
        return found


def instructions() -> list[Instruction]:
    """All instructions in order, with continued lines joined and without comments."""
    text = "\n".join(line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#"))
    found: list[Instruction] = []
    stage = ""
    for line in filter(None, text.replace("\\\n", " ").splitlines()):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            stage = rest.partition(" AS ")[2]
        found.append(Instruction(stage, word, rest.strip()))
    return found


def of(stage: str, word: str) -> list[Instruction]:
    """The instructions of one kind in one stage."""
    return [each for each in instructions() if (each.stage, each.word) == (stage, word)]


def copied(stage: str) -> list[str]:
    """The paths that a stage copies from this directory."""
    return [each.rest.split()[0] for each in of(stage, "COPY") if not each.rest.startswith("--from")]
