"""Bearer tokens (RFC 6750)."""

import hashlib
import hmac
from collections.abc import Callable

from flask import Flask, request
from structlog.contextvars import bind_contextvars

from runtime.logs import get_logger
from service.api.limits import RateLimit
from service.api.replies import ApiError

OPEN_ENDPOINTS = frozenset({"ops.health", "ops.ready", "ops.metrics", "webhooks.stripe_webhook", "descriptions.log_in"})
"""Endpoints without a token: the probes, the webhook, whose signature proves its sender, and a form for a token."""

OPERATORS_PAGE = "ops_page"
"""The blueprint that authenticates its requests itself: a browser has a session, or none yet."""

DESCRIPTIONS = "descriptions"
"""The blueprint that a browser may also read in a session."""

_log = get_logger(__name__)


class Tokens:
    """Callers' names by token. Each check compares the digests of all tokens, so that its time reveals nothing."""

    def __init__(self, tokens: list[tuple[str, str]] | None = None) -> None:
        self.use(tokens or [])

    def use(self, tokens: list[tuple[str, str]]) -> None:
        """Accept these tokens from now on, and no others."""
        self._digests = [(name, _digest(token.encode())) for name, token in tokens]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def caller(self, authorization: str | None) -> str | None:
        """The caller's name for an ``Authorization`` header; None if its token is not one of ours."""
        scheme, _, given = (authorization or "").partition(" ")
        found = self.holder(given.strip().encode("latin-1", "replace"))
        return found if scheme.lower() == "bearer" else None

    def holder(self, token: bytes) -> str | None:
        """The name that a token belongs to; None if it is not one of ours."""
        digest = _digest(token)
        found = [name for name, known in self._digests if hmac.compare_digest(known, digest)]
        return found[0] if found else None


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


def install(app: Flask, tokens: Tokens, reader: Callable[[], str | None]) -> None:
    """Require a token on every route but the open ones. If ``tokens`` is empty, no token is required.

    ``reader``: the caller in whose session the request reads the description; None without a session.

    Wrong tokens are logged, not limited. Callers behind a proxy share one address, so a limit would refuse right tokens
    because of somebody's guesses; and one that lets right tokens pass lets guesses pass, too.
    """
    lines = RateLimit(1)

    @app.before_request
    def authenticate() -> None:
        if not tokens or request.endpoint is None or request.endpoint in OPEN_ENDPOINTS:
            return
        if request.blueprint == OPERATORS_PAGE:
            return
        caller = tokens.caller(request.headers.get("Authorization"))
        if caller is None and request.blueprint == DESCRIPTIONS:
            caller = reader()
        if caller is None:
            if "Authorization" in request.headers and not lines.take(request.remote_addr or ""):
                _log.warning("token_refused", address=request.remote_addr)
            raise ApiError(
                401,
                "UNAUTHORIZED",
                "Send a valid token: Authorization: Bearer <token>.",
                headers={"WWW-Authenticate": 'Bearer realm="payments"'},
            )
        bind_contextvars(caller=caller)
