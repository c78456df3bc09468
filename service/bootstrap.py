"""The HTTP application, connected to the real database and the real gateway."""

from datetime import timedelta

from flask import Flask

from service.api.ports import PagePorts, Ports
from service.app import create_app
from service.domain.next_step import Policy
from service.domain.ours import Ownership
from service.gateway.stripe_gateway import StripeGateway
from service.gateway.webhooks import parse
from service.settings import ServiceSettings
from service.storage.availability import is_unavailable
from service.storage.engine import FOR_CALLERS, FOR_OPERATORS, Engine, make_engine, refuse_inside_transaction
from service.storage.readiness import DatabaseReadiness
from service.storage.reads import Reads
from service.usecases.operations.desk import Desk
from service.usecases.operations.page_acts import PageActs
from service.usecases.queries import PaymentQueries
from service.usecases.queue_command import CommandRequests
from service.usecases.record import Recorder
from service.usecases.stripe_events import StripeEvents

_UNUSED = timedelta(days=1)
"""Only plans of authorizes depend on these times, and an authorize is not reopened."""


def build_service(settings: ServiceSettings) -> Flask:
    """The HTTP application with its connection pool and its Stripe client. Neither is connected yet."""
    url = settings.database_url.get_secret_value()
    engine = make_engine(url, settings.database_pool_size, FOR_CALLERS)
    queries = PaymentQueries(
        Reads(engine),
        StripeGateway(settings, refuse_inside_transaction),
        default_currency=settings.default_currency,
        at_stripe_once=max(1, settings.database_pool_size // 2),
    )
    ports = Ports(
        queries=queries,
        requests=CommandRequests(engine, settings.payment_commands_topic),
        webhooks=StripeEvents(engine, Recorder(settings.payment_events_topic), Ownership(settings.stripe_live)),
        parse_webhook=parse,
        unready=DatabaseReadiness(url).unready,
        is_unavailable=is_unavailable,
        page=None if settings.ops_page == "off" else _page(settings, engine),
    )
    return create_app(settings, ports)


def _page(settings: ServiceSettings, engine: Engine) -> PagePorts:
    """The operators' page, with a connection of its own for what works beside requests."""
    desk = Desk(engine, make_engine(settings.database_url.get_secret_value(), 1, FOR_OPERATORS))
    desk.start()
    policy = Policy(settings.revert_event_type, look_again=_UNUSED, action_deadline=_UNUSED)
    return PagePorts(desk, PageActs(engine, settings.payment_commands_topic, policy, settings.replay_window))
