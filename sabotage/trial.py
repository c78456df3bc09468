"""A trial: the tree copied, one mechanism taken out of the copy, its tests run there."""

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from devstack.processes import Command, ManagedProcess, environment, scratch_directory
from sabotage import witness
from sabotage.mechanism import ROOT, Mechanism

LIMIT_SECONDS = 420.0
"""Of a whole trial, servers included."""

WAIT_SECONDS = 90
"""Of one test: what waits for something that never comes fails by then."""

_LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "results")

_NO_FAILURE_OF_A_TEST = frozenset(
    {"ImportError", "ModuleNotFoundError", "SyntaxError", "IndentationError", "NameError", "UnboundLocalError",
     "AttributeError", "TypeError", "ProcessFailedError", "OperationalError"}
)  # fmt: skip
"""What shows that the change broke the code, or a server is away; not that a test sees its mechanism missing."""


class Verdict(StrEnum):
    """How a trial ended."""

    CAUGHT = "caught"
    SURVIVED = "SURVIVED"
    UNCLEAR = "UNCLEAR"
    """The tests could not run, or failed for another reason than the missing mechanism."""


@dataclass(frozen=True, slots=True)
class Trial:
    """``why`` names the test that caught it, or says what went wrong."""

    verdict: Verdict
    why: str
    seconds: float
    log: str = ""


def attempt(mechanism: Mechanism) -> Trial:
    """Take the mechanism out of a copy and run its tests there, up to the first failure. Raises ChangeError."""
    began = time.monotonic()
    scratch = scratch_directory("sabotage")
    try:
        tree, told = scratch / "tree", scratch / "told"
        shutil.copytree(ROOT, tree, ignore=_LEFT_OUT)
        for change in mechanism.changes:
            change.apply(tree)
        told.touch()
        verdict, why, log = _run(mechanism.tests, tree, told)
    finally:
        shutil.rmtree(scratch)
    return Trial(verdict, why, time.monotonic() - began, log)


def _run(tests: tuple[str, ...], tree: Path, told: Path) -> tuple[Verdict, str, str]:
    options = ["-x", "-p", "sabotage.witness", "-p", "no:cacheprovider", f"--timeout={WAIT_SECONDS}"]
    process = ManagedProcess(
        Command(
            name="pytest",
            argv=[sys.executable, "-m", "pytest", *options, *tests],
            log=told.with_suffix(".log"),
            env=environment(**{witness.FILE: str(told)}),
            cwd=tree,
        )
    )
    try:
        code = process.wait(LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return Verdict.UNCLEAR, f"not over after {LIMIT_SECONDS:.0f} s", process.log_tail()
    except BaseException:
        process.kill()
        raise
    return *judge(code, told.read_text(encoding="utf-8")), process.log_tail()


def judge(code: int, told: str) -> tuple[Verdict, str]:
    """What pytest's exit code and the witness's lines say, and why."""
    ends = [json.loads(line) for line in told.splitlines()]
    failure = next((end for end in ends if end["outcome"] == "failed"), None)
    if code == 0 and any(end["outcome"] == "passed" for end in ends):
        return Verdict.SURVIVED, "all passed"
    if code != 1 or failure is None:
        return Verdict.UNCLEAR, f"pytest ended with {code}, and no test ran to a failure"
    said = f"{failure['test'].rpartition('/')[2]}: {failure['kind']}: {failure['said'][:120]}"
    if failure["stage"] == "setup" or failure["kind"] in _NO_FAILURE_OF_A_TEST:
        return Verdict.UNCLEAR, f"in {failure['stage']}, {said}"
    return Verdict.CAUGHT, said
