"""A pytest plugin that writes one JSON line for the end of each test to the file named by MUTATION_ENDS_OF_TESTS."""

import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

FILE = "MUTATION_ENDS_OF_TESTS"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
    report: pytest.TestReport = yield
    if report.when == "call" or report.failed or report.skipped:
        _write(item.nodeid, report, call)
    return report


def _write(test: str, report: pytest.TestReport, call: pytest.CallInfo[Any]) -> None:
    found: dict[str, str] = {"test": test, "stage": str(report.when), "outcome": report.outcome, "kind": "", "said": ""}
    if call.excinfo is not None:
        said = str(call.excinfo.value).strip().partition("\n")[0]
        found |= {"kind": call.excinfo.typename, "said": said}
    with Path(os.environ[FILE]).open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(found) + "\n")
