"""The HTTP face, built in one place around whatever serves its ports."""

from flask import Flask
from werkzeug.routing import BaseConverter

from service.api import auth, cors, errors, observability, ops, payments, webhooks
from service.api.ports import Ports
from service.api.requests import DRAINED_BYTES
from service.settings import ServiceSettings


class OpaqueConverter(BaseConverter):
    """An id that may hold anything, slashes and line ends too: the route around it is told by its literal ends."""

    regex = "(?s:.+)"
    part_isolating = False


def create_app(settings: ServiceSettings, ports: Ports) -> Flask:
    """The WSGI application. Nothing is connected to here."""
    app = Flask("service", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=DRAINED_BYTES, PROVIDE_AUTOMATIC_OPTIONS=False)
    app.url_map.converters["opaque"] = OpaqueConverter
    observability.install(app)
    cors.install(app, settings.cors_origins or ())
    auth.install(app, auth.Tokens(settings.tokens()))
    errors.install(app, ports.is_unavailable)
    app.register_blueprint(ops.blueprint(ports))
    app.register_blueprint(payments.blueprint(ports, settings.history_unit))
    app.register_blueprint(webhooks.blueprint(ports, settings.webhook_secrets()))
    return app
