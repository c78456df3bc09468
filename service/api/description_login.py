"""Logging in to read the API's description: a browser adds no header to the address of a page, so it needs a session.

The token of any caller opens the session, which opens the description and no other route.
"""

import base64
import hashlib
import math
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from runtime.logs import get_logger
from service.api.limits import RateLimit
from service.api.ops_page.guard import is_of_another_site
from service.api.ops_page.login import over_tls
from service.api.ops_page.sessions import Sessions
from service.api.replies import ApiError, reply_error

COOKIE = "docs_session"
PURPOSE = b"session of a reader of the description"
FAILURES_A_MINUTE = 10

_STYLE = Path(__file__).with_name("templates") / "description.css"
_ROUTES = ("descriptions.docs", "descriptions.openapi")
_log = get_logger(__name__)


def install(routes: Blueprint, readers: Sessions) -> None:
    """The form on the page's own address, for browsers that have no session."""
    failures = RateLimit(FAILURES_A_MINUTE)

    @routes.post("/docs")
    def log_in() -> AnyResponse:
        if is_of_another_site():
            raise ApiError(403, "FORBIDDEN", "The form came from another site; open /docs and send its form.")
        address = request.remote_addr or ""
        wait = math.ceil(failures.wait(address))
        if wait:
            raise ApiError(
                429, "TOO_MANY_REQUESTS", "Too many wrong tokens from this address.", headers={"Retry-After": str(wait)}
            )
        cookie = readers.open(request.form.get("token", "").strip())
        if cookie is None:
            failures.note(address)
            _log.warning("reader_refused", address=address)
            return _form("This is no token of this service.")
        answer = redirect(url_for("descriptions.docs"), 303)
        for route in _ROUTES:
            answer.set_cookie(COOKIE, cookie, path=url_for(route), secure=over_tls(), httponly=True, samesite="Strict")
        return answer

    @routes.errorhandler(ApiError)
    def refused(error: ApiError) -> Response:
        wants_page = "text/html" in request.headers.get("Accept", "") and request.endpoint == "descriptions.docs"
        return _form("The token of any caller of this service opens it.") if wants_page else reply_error(error)


def reader(readers: Sessions) -> str | None:
    """The caller whose session the request has; None without one. A header counts before a session."""
    if "Authorization" in request.headers:
        return None
    session = readers.read(request.cookies.get(COOKIE, ""))
    return None if session is None else session.operator


def _form(message: str) -> Response:
    page = make_response(render_template("description_login.html", style=style(), message=message), 401)
    page.headers["WWW-Authenticate"] = 'Bearer realm="payments"'
    page.headers["Cache-Control"] = "no-store"
    # Not "no-referrer": a browser would then send the origin of the form as "null".
    page.headers.update(headers("'self'", "same-origin"))
    return page


@cache
def style() -> str:
    """The one style sheet, which is part of each page."""
    return _STYLE.read_text(encoding="utf-8")


def headers(forms: str = "'none'", referrer: str = "no-referrer") -> dict[str, str]:
    """Nothing but the page's one style sheet is allowed, and ``forms`` (Content Security Policy Level 3)."""
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action {forms}; frame-ancestors 'none'"
    )
    return {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": referrer}
