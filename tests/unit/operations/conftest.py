"""Prometheus's promtool."""

from pathlib import Path

import pytest

from tests.support import promtool
from tests.support.requirements import unavailable


@pytest.fixture(scope="session")
def program() -> Path:
    """The program. A test that needs it is skipped and listed on machines without it."""
    try:
        return promtool.find_program()
    except promtool.PromtoolUnavailableError as error:
        unavailable("promtool", error, may_lack=True)
