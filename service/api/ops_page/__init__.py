"""The operators' page at ``/ops``: rendered here, without a script from elsewhere, of use without any script.

- ``guard`` (session, forms of other sites, headers), ``errors``: installed around all routes.
- ``login``, ``overview``, ``payments``, ``work`` (commands, dead letters, the relay): the routes of the views.
- ``health``: what the overview says of each part, and of the next step.
- ``acts``, ``plans``: the routes of the acts, and what each act will do.
- ``sessions``: cookies. ``asked``: the parts of a request's query.
- ``words``, ``values``, ``pictures``: how times, money and text are written, records are edited, and pictures drawn.

Templates escape everything (Jinja's autoescape; no text is marked as safe). Each view is one read of ``Desk``; each act
is one use case, and leaves a row in ``operator_actions``.
"""

from flask import Blueprint

from service.api.auth import OPERATORS_PAGE
from service.api.ops_page import acts, errors, guard, login, overview, payments, work
from service.api.ops_page.sessions import Sessions
from service.api.ops_page.words import FILTERS
from service.api.ports import PagePorts, Ports

__all__ = ["Sessions", "blueprint"]


def blueprint(page: PagePorts, ports: Ports, sessions: Sessions) -> Blueprint:
    """The page for the operators of ``sessions``."""
    routes = Blueprint(OPERATORS_PAGE, __name__, url_prefix="/ops", template_folder="templates", static_folder="static")
    door = guard.Door()
    errors.install(routes, ports)
    guard.install(routes, sessions, door)
    login.install(routes, sessions, door)
    overview.install(routes, page.desk, ports.unready)
    payments.install(routes, page.desk, page.search)
    work.install(routes, page.desk)
    acts.install(routes, page.desk, page.acts)
    routes.record_once(lambda state: state.app.jinja_env.filters.update(FILTERS))
    return routes
