"""The verdict on the tests of a mechanism that was removed."""

import json

import pytest

from proofs.mutation.trial import Verdict, judge


def _end(outcome: str, kind: str = "", stage: str = "call") -> str:
    return json.dumps({"test": "tests/test_a.py::test_b", "stage": stage, "outcome": outcome, "kind": kind, "said": ""})


@pytest.mark.parametrize(
    ("code", "ends", "verdict"),
    [
        pytest.param(1, [_end("passed"), _end("failed", "AssertionError")], Verdict.CAUGHT, id="an assertion"),
        pytest.param(1, [_end("failed", "UniqueViolation")], Verdict.CAUGHT, id="the database refused"),
        pytest.param(1, [_end("failed", "Failed")], Verdict.CAUGHT, id="a wait that timed out"),
        pytest.param(
            1, [_end("passed"), _end("failed", "AssertionError", "teardown")], Verdict.CAUGHT, id="afterwards"
        ),
        pytest.param(0, [_end("passed")], Verdict.SURVIVED, id="all passed"),
        pytest.param(0, [_end("skipped")], Verdict.UNCLEAR, id="nothing ran"),
        pytest.param(1, [_end("failed", "ImportError")], Verdict.UNCLEAR, id="an import"),
        pytest.param(1, [_end("failed", "NameError")], Verdict.UNCLEAR, id="a change that does not fit"),
        pytest.param(1, [_end("failed", "ProcessFailedError")], Verdict.UNCLEAR, id="a process that does not start"),
        pytest.param(1, [_end("failed", "AssertionError", "setup")], Verdict.UNCLEAR, id="a fixture"),
        pytest.param(2, [], Verdict.UNCLEAR, id="not collected"),
        pytest.param(4, [], Verdict.UNCLEAR, id="no such test"),
    ],
)
def test_verdict_follows_from_exit_code_and_failures(code: int, ends: list[str], verdict: Verdict) -> None:
    assert judge(code, "\n".join(ends))[0] is verdict
