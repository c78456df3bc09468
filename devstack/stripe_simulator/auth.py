"""API keys ("API keys", "Authentication"): accepts any test-mode secret key without certain words in its name."""

from __future__ import annotations

import base64
import binascii
import re

from devstack.stripe_simulator.errors import RefusedError
from devstack.stripe_simulator.wire import Request

_TEST_KEY = re.compile(r"(sk|rk)_test_(?!.*invalid)[A-Za-z0-9_]+")
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?")


def authenticate(request: Request) -> None:
    """Check the request's key.

    Raises:
        RefusedError: 401 for a missing, live-mode, malformed or expired key (one that contains `invalid` or `expired`).
    """
    key = _key(request.headers.get("authorization", ""))
    if not key:
        raise RefusedError(
            "You did not provide an API key. You need to provide your API key in the Authorization header, "
            "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            status=401,
        )
    if "expired" in key:
        raise RefusedError(f"Expired API Key provided: {_masked(key)}", status=401, code="api_key_expired")
    if not _TEST_KEY.fullmatch(key):
        raise RefusedError(f"Invalid API Key provided: {_masked(key)}", status=401)


def api_version(request: Request, default: str) -> str:
    """The requested API version.

    Raises:
        RefusedError: 400 for an invalid version.
    """
    version = request.headers.get("stripe-version", default)
    if not _VERSION.fullmatch(version):
        raise RefusedError(f"Invalid Stripe API version: {version}.")
    return version


def _key(header: str) -> str:
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _masked(key: str) -> str:
    return f"{key[:7]}{'*' * 8}{key[-4:]}"
