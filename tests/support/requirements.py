"""What a test needs and this machine may not have."""

import os
from typing import NoReturn

import pytest


def unavailable(what: str, reason: object) -> NoReturn:
    """Skips the test by name and reason; with REQUIRE_REAL=1 the test fails instead."""
    message = f"{what}: {reason}"
    if os.environ.get("REQUIRE_REAL") == "1":
        pytest.fail(f"REQUIRE_REAL=1, but {message}", pytrace=False)
    pytest.skip(message)
