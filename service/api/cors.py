"""Cross-origin reads: the web pages that may read our answers in a browser (Fetch standard, "HTTP CORS protocol")."""

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
    """Let pages of ``origins`` read our answers; without any, change nothing. To be installed before ``auth``.

    Credentials are not allowed: they would be cookies, and the page sends the token in a header that it sets itself.
    """
    if not origins:
        return

    @app.before_request
    def answer_preflight() -> Response | None:
        # A browser sends the preflight without the page's token, and also to unknown routes: the read gets the error.
        wanted = request.headers.get("Access-Control-Request-Method")
        if request.method != "OPTIONS" or wanted not in _READS or request.headers.get("Origin") not in origins:
            return None
        return Response(status=204, headers=_PREFLIGHT)

    @app.after_request
    def name_origin(response: Response) -> Response:
        # Also without an Origin in the request: a cache must not give that answer to a page.
        response.vary.add("Origin")
        origin = request.headers.get("Origin")
        if origin in origins:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        return response
