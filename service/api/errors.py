"""Errors as replies, all in one shape: ApiError as it is, HTTP errors translated, all others without internals."""

from collections.abc import Callable

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from runtime.logs import get_logger
from service.api.replies import ApiError, reply_error, unavailable

_log = get_logger(__name__)

_HTTP = {
    400: ("MALFORMED_REQUEST", "The request cannot be read; send valid HTTP with a readable body."),
    404: ("NOT_FOUND", "There is no such route; see the API's description for those there are."),
    405: ("METHOD_NOT_ALLOWED", "This route takes other methods; see the Allow header."),
    413: ("PAYLOAD_TOO_LARGE", "The body is over 1 MiB; send less."),
}
_OTHER = ("MALFORMED_REQUEST", "The request cannot be served as it is; mend it before it is sent again.")

INTERNAL = ApiError(500, "INTERNAL_ERROR", "This is a fault of the service; quote the X-Request-Id to its operators.")


def install(app: Flask, is_unavailable: Callable[[BaseException], bool]) -> None:
    """Answer every exception of ``app``. ``is_unavailable``: whether an error is a passing fault of the database."""

    def unexpected(error: Exception) -> Response:
        if is_unavailable(error):
            _log.warning("database_unavailable", reason=error)
            return reply_error(
                unavailable("DATABASE_UNAVAILABLE", "The database cannot be used now; send the same request again.")
            )
        _log.exception("request_failed")
        return reply_error(INTERNAL)

    app.register_error_handler(ApiError, reply_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, unexpected)


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    code, message = _HTTP.get(status, _OTHER)
    allow = {name: value for name, value in error.get_headers() if name == "Allow"}
    return reply_error(ApiError(status, code, message, headers=allow))
