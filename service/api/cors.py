"""Cross-origin reads: which web pages' browsers may show them our answers (Fetch standard, "HTTP CORS protocol")."""

from collections.abc import Collection

from flask import Flask, Response, request

_READS = ("GET", "HEAD")
_PREFLIGHT = {
    "Access-Control-Allow-Methods": ", ".join(_READS),
    "Access-Control-Allow-Headers": "Authorization, Content-Type, X-Request-Id, traceparent",
    "Access-Control-Max-Age": "600",
}
_EXPOSED = "X-Request-Id, Retry-After, WWW-Authenticate"


def install(app: Flask, origins: Collection[str]) -> None:
    """Let pages of ``origins`` read; without any, nothing is said. To be called before what asks for tokens.

    No credentials are allowed: those are cookies, and a token comes in a header that the page sets itself.
    """
    if not origins:
        return

    @app.before_request
    def answer_preflight() -> Response | None:
        # A browser sends it without the page's token, and to routes that are not there, too: the read then tells.
        wanted = request.headers.get("Access-Control-Request-Method")
        if request.method != "OPTIONS" or wanted not in _READS or request.headers.get("Origin") not in origins:
            return None
        return Response(status=204, headers=_PREFLIGHT)

    @app.after_request
    def name_origin(response: Response) -> Response:
        # Also for those who sent none: a cache must not keep their answer for a page.
        response.vary.add("Origin")
        origin = request.headers.get("Origin")
        if origin in origins:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        return response
