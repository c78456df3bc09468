"""The HTTP application, built around its ports."""

from flask import Flask
from werkzeug.routing import BaseConverter

from runtime.current import Current
from service.api import (
    auth,
    cors,
    description_login,
    descriptions,
    errors,
    observability,
    ops,
    ops_page,
    payments,
    webhooks,
)
from service.api.ports import Ports
from service.api.requests import DRAINED_BYTES
from service.settings import ServiceSettings


class OpaqueConverter(BaseConverter):
    """An id that may contain any character, also slashes and line ends: the literal parts of a route delimit it."""

    regex = "(?s:.+)"
    part_isolating = False


def create_app(current: Current[ServiceSettings], ports: Ports) -> Flask:
    """The WSGI application. It opens no connection here."""
    settings, tokens = current(), auth.Tokens()
    current.subscribe(lambda renewed: tokens.use(renewed.tokens()))
    readers = ops_page.Sessions(purpose=description_login.PURPOSE)
    current.subscribe(lambda renewed: readers.use(renewed.tokens()))
    app = Flask("service", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=DRAINED_BYTES, PROVIDE_AUTOMATIC_OPTIONS=False)
    app.url_map.converters["opaque"] = OpaqueConverter
    observability.install(app)
    cors.install(app, settings.cors_origins or ())
    auth.install(app, tokens, lambda: description_login.reader(readers))
    errors.install(app, ports.is_unavailable)
    app.register_blueprint(ops.blueprint(ports))
    app.register_blueprint(descriptions.blueprint(readers))
    app.register_blueprint(payments.blueprint(ports, settings.history_unit))
    app.register_blueprint(webhooks.blueprint(ports, lambda: current().webhook_secrets()))
    if ports.page is not None:
        sessions = ops_page.Sessions()
        current.subscribe(lambda renewed: sessions.use(renewed.operators()))
        app.register_blueprint(ops_page.blueprint(ports.page, ports, sessions))
    return app
