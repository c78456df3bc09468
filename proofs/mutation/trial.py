"""A trial: copies the tree, removes one mechanism from the copy, and runs each of its tests there."""

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from devstack.processes import Command, ManagedProcess, environment, scratch_directory
from proofs.mutation import ends_of_tests
from proofs.mutation.mutant import ROOT, Mutant

LIMIT_SECONDS = 600.0
"""Of one run of pytest, servers included."""

WAIT_SECONDS = 180
"""Of one test, as in `make test`: what waits for something that never comes fails by then."""

_LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "results")

_NO_FAILURE_OF_A_TEST = frozenset(
    {"ImportError", "ModuleNotFoundError", "SyntaxError", "IndentationError", "NameError", "UnboundLocalError",
     "AttributeError", "TypeError", "ProcessFailedError", "OperationalError"}
)  # fmt: skip
"""What shows that the change broke the code, or a server is away; not that a test sees its mechanism missing."""


class Verdict(StrEnum):
    """The result of a test without the mechanism."""

    CAUGHT = "caught"
    SURVIVED = "SURVIVED"
    UNCLEAR = "UNCLEAR"
    """It could not run, or failed for another reason than the missing mechanism."""


@dataclass(frozen=True, slots=True)
class Run:
    """One test without the mechanism. ``why`` names the failure that caught the mutant, or the fault of the trial."""

    test: str
    verdict: Verdict
    why: str
    seconds: float
    log: str


def attempt(mutant: Mutant) -> list[Run]:
    """Remove the mechanism from a copy and run each of its tests there. Raises MutantError."""
    scratch = scratch_directory("mutation")
    try:
        tree = scratch / "tree"
        shutil.copytree(ROOT, tree, ignore=_LEFT_OUT)
        mutant.apply(tree)
        return [_run(test, tree, scratch / f"ends-{number}") for number, test in enumerate(mutant.tests)]
    finally:
        shutil.rmtree(scratch)


def _run(test: str, tree: Path, ends: Path) -> Run:
    """Run the tests of one node id, up to the first failure."""
    began = time.monotonic()
    ends.touch()
    options = ["-x", "-p", "proofs.mutation.ends_of_tests", "-p", "no:cacheprovider", f"--timeout={WAIT_SECONDS}"]
    process = ManagedProcess(
        Command(
            name="pytest",
            argv=[sys.executable, "-m", "pytest", *options, test],
            log=ends.with_suffix(".log"),
            env=environment(**{ends_of_tests.FILE: str(ends)}),
            cwd=tree,
        )
    )
    try:
        verdict, why = judge(process.wait(LIMIT_SECONDS), ends.read_text(encoding="utf-8"))
    except subprocess.TimeoutExpired:
        process.kill()
        verdict, why = Verdict.UNCLEAR, f"not over after {LIMIT_SECONDS:.0f} s"
    except BaseException:
        process.kill()
        raise
    return Run(test, verdict, why, time.monotonic() - began, process.log_tail())


def judge(code: int, lines: str) -> tuple[Verdict, str]:
    """The verdict by pytest's exit code and the lines of `ends_of_tests`, with its reason."""
    ends = [json.loads(line) for line in lines.splitlines()]
    failure = next((end for end in ends if end["outcome"] == "failed"), None)
    if code == 0 and any(end["outcome"] == "passed" for end in ends):
        return Verdict.SURVIVED, "all passed"
    if code != 1 or failure is None:
        return Verdict.UNCLEAR, f"pytest ended with {code}, and no test ran to a failure"
    said = f"{failure['test'].rpartition('/')[2]}: {failure['kind']}: {failure['said'][:120]}"
    if failure["stage"] == "setup" or failure["kind"] in _NO_FAILURE_OF_A_TEST:
        return Verdict.UNCLEAR, f"in {failure['stage']}, {said}"
    return Verdict.CAUGHT, said
