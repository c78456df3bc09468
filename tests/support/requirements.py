"""Requirements of tests that this machine may not meet."""

import os
from typing import NoReturn

import pytest

REQUIRE_REAL = os.environ.get("REQUIRE_REAL") == "1"
"""Whether a test that cannot run here fails the run."""


def unavailable(what: str, reason: object, *, may_lack: bool = False) -> NoReturn:
    """Skips the test by name and reason; with REQUIRE_REAL=1 the test fails instead.

    ``may_lack``: a machine without it still proves the service, so the test is skipped and listed even then.
    """
    message = f"{what}: {reason}"
    if REQUIRE_REAL and not may_lack:
        pytest.fail(f"REQUIRE_REAL=1, but {message}", pytrace=False)
    pytest.skip(message)


def by_reason(skipped: list[pytest.TestReport]) -> dict[str, list[str]]:
    """The ids of the tests that were skipped for each reason."""
    found: dict[str, list[str]] = {}
    for report in skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        found.setdefault(reason.removeprefix("Skipped: "), []).append(report.nodeid)
    return found
