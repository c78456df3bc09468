"""Around every request of the page: who asks, whether a form is the session's own, and the headers of each answer."""

import hmac
import math
from collections.abc import Callable
from typing import TypeVar

from flask import Blueprint, Response, g, request

from runtime.logs import get_logger
from service.api.limits import RateLimit
from service.api.ops_page.errors import PageError
from service.api.ops_page.sessions import COOKIE, Session, Sessions

Opened = TypeVar("Opened")

ACTS_A_MINUTE = 60
"""Acts of one operator. A person makes fewer; bulk work belongs to the command line."""

FAILURES_A_MINUTE = 10
"""Wrong tokens from one address, in the form and from programs together."""

_LOG_IN = "Nobody is logged in, or the session is over."
_NO_OPERATORS = "No token has the scope operate yet. Add name:token:operate to API_TOKENS."
_OPEN = frozenset({"ops_page.static", "ops_page.log_in", "ops_page.log_out"})
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Not "no-referrer": a browser would then send the origin of a form as "null".
    "Referrer-Policy": "same-origin",
}


_log = get_logger(__name__)


class Door:
    """Tries tokens: names each one without the scope in the log, and takes few of them from one address."""

    def __init__(self) -> None:
        self._failures = RateLimit(FAILURES_A_MINUTE)

    def open(self, key: Callable[[], Opened | None]) -> Opened | None:
        """What ``key`` opens; None for a wrong token. Raises PageError after too many, whatever the token."""
        address = request.remote_addr or ""
        refuse_too_many(self._failures.wait(address), "Too many wrong tokens from this address.")
        opened = key()
        if opened is None:
            self._failures.note(address)
            _log.warning("operator_refused", address=address)
        return opened


def install(routes: Blueprint, sessions: Sessions, door: Door) -> None:
    """Guard all routes of the blueprint."""
    acts = RateLimit(ACTS_A_MINUTE)

    @routes.before_request
    def check() -> None:
        if request.method == "POST" and is_of_another_site():
            raise PageError(403, "Not done", "The form came from another site.")
        if request.endpoint in _OPEN:
            return
        session = _session(sessions, door)
        if session is None:
            raise PageError(401, "Log in", _LOG_IN if sessions.tokens else _NO_OPERATORS)
        g.session, g.caller = session, session.operator
        if request.method == "POST":
            _check_proof(session)
            refuse_too_many(acts.take(session.operator), "Too many acts within a minute.")

    @routes.after_request
    def add_headers(response: Response) -> Response:
        response.headers.update(_HEADERS)
        if request.endpoint != "ops_page.static":
            response.headers["Cache-Control"] = "no-store"
        return response


def _session(sessions: Sessions, door: Door) -> Session | None:
    if "Authorization" in request.headers:
        # A program: no browser adds this header by itself, so nobody else's page can have sent the form.
        caller = door.open(lambda: sessions.tokens.caller(request.headers["Authorization"]))
        return None if caller is None else Session(caller, "")
    return sessions.read(request.cookies.get(COOKIE, ""))


def _check_proof(session: Session) -> None:
    given = request.form.get("proof", "")
    if not hmac.compare_digest(given.encode(), session.proof.encode()):
        raise PageError(403, "Not done", "The form belongs to another session. Open it again and send it once more.")


def is_of_another_site() -> bool:
    """Whether the page of another origin sent the form (Fetch Metadata; Fetch standard, "Origin header").

    An origin is a scheme and a host; text that is none has no host of ours.
    """
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    foreign = origin is not None and origin.partition("://")[2] != request.host
    return site not in {None, "same-origin", "none"} or (site is None and foreign)


def refuse_too_many(wait: float, why: str) -> None:
    """Refuse what comes before ``wait`` seconds are over."""
    if wait:
        seconds = math.ceil(wait)
        raise PageError(429, "Too many", f"{why} Try again in {seconds} s.", {"Retry-After": str(seconds)})
