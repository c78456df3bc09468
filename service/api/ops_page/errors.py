"""Errors as pages: those of the page itself, those of an act that is impossible, and all others without internals."""

from collections.abc import Mapping

from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from runtime.errors import PaymentServiceError
from runtime.logs import get_logger
from service.api.ports import Ports
from service.usecases.operations.errors import OperatorError

_log = get_logger(__name__)


class PageError(PaymentServiceError):
    """An answer other than success: HTTP status, title, and a sentence that says what to do about it."""

    def __init__(self, status: int, title: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.title = title
        self.message = message
        self.headers = headers or {}


def install(routes: Blueprint, ports: Ports) -> None:
    """Answer every exception of the blueprint."""

    def unexpected(error: Exception) -> Response:
        if ports.is_unavailable(error):
            _log.warning("database_unavailable", reason=error)
            title, message = "No database", "The database does not answer now. This page has no other source."
            return show(PageError(503, title, message, {"Retry-After": "5"}))
        _log.exception("request_failed")
        fault = ports.unready()
        if fault is not None:  # a schema of another release, say
            return show(PageError(503, "Not ready", fault.message))
        return show(PageError(500, "A fault", "This is a fault of the service. Its log has the request's id."))

    routes.register_error_handler(PageError, show)
    routes.register_error_handler(OperatorError, lambda error: show(PageError(409, "Not done", f"{error}.")))
    routes.register_error_handler(HTTPException, _http_error)
    routes.register_error_handler(Exception, unexpected)


def show(error: PageError) -> Response:
    """The error as a page; for one who is not logged in with the form to do so."""
    if error.status == 401:
        return log_in_form(error.message)
    return make_response(render_template("error.html", error=error), error.status, dict(error.headers))


def log_in_form(message: str, status: int = 401) -> Response:
    """The form that asks for a token, and then leads on to the page that was asked for."""
    wanted = request.full_path.rstrip("?") if request.method == "GET" else request.form.get("next", "")
    answer = make_response(render_template("log_in.html", message=message, wanted=wanted), status)
    answer.headers["WWW-Authenticate"] = 'Bearer realm="payments"'
    return answer


def _http_error(error: HTTPException) -> Response:
    messages = {404: "There is nothing at this address.", 413: "The form is too large."}
    message = messages.get(error.code or 500, "The request cannot be served as it is.")
    return show(PageError(error.code or 500, "Not found" if error.code == 404 else "Not done", message))
