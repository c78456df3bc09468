"""Logging in with a token, and out."""

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from service.api.ops_page.errors import log_in_form
from service.api.ops_page.guard import Door
from service.api.ops_page.sessions import COOKIE, LIFETIME_SECONDS, Sessions


def install(routes: Blueprint, sessions: Sessions, door: Door) -> None:
    """The routes of ``/ops/login`` and ``/ops/logout``."""

    @routes.post("/login")
    def log_in() -> AnyResponse:
        cookie = door.open(lambda: sessions.open(request.form.get("token", "").strip()))
        if cookie is None:
            return log_in_form("This token does not have the scope operate. API_TOKENS needs name:token:operate.")
        answer = redirect(_next(request.form.get("next", "")), 303)
        answer.set_cookie(
            COOKIE, cookie, LIFETIME_SECONDS, path=_path(), secure=over_tls(), httponly=True, samesite="Strict"
        )
        return answer

    @routes.get("/login")
    @routes.get("/logout")
    def arrive() -> AnyResponse:
        return redirect(_path(), 303)

    @routes.post("/logout")
    def log_out() -> Response:
        answer = log_in_form("You are logged out.", 200)
        answer.delete_cookie(COOKIE, path=_path(), secure=over_tls(), httponly=True, samesite="Strict")
        return answer


def _path() -> str:
    return url_for("ops_page.overview")


def _next(wanted: str) -> str:
    """The page that was asked for, if it is one of ours: a link to the form must not lead elsewhere."""
    path = wanted.partition("?")[0]
    ours = path == _path() or path.startswith(f"{_path()}/")
    return wanted if ours and "\\" not in wanted and wanted.isprintable() else _path()


def over_tls() -> bool:
    """Whether the browser came over TLS. A proxy may have ended it, so the form's origin counts, which no page sets."""
    return request.headers.get("Origin", "").startswith("https:") or request.is_secure
