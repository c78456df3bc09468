"""The HTTP application, connected to the real database and the real gateway."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from flask import Flask

from runtime.current import Current
from runtime.record_search import Absent, Found, Sought, search
from service.api.ports import PagePorts, Ports
from service.app import create_app
from service.domain.next_step import Policy
from service.domain.ours import Ownership
from service.gateway.stripe_gateway import StripeGateway
from service.gateway.webhooks import parse
from service.settings import ServiceSettings
from service.storage.availability import is_unavailable
from service.storage.engine import FOR_CALLERS, FOR_OPERATORS, Engine, make_engine, refuse_inside_transaction
from service.storage.kept_figures import figures_of_workers
from service.storage.latest_figures import LatestFigures
from service.storage.readiness import DatabaseReadiness
from service.storage.reads import Reads
from service.usecases.database_metrics import DatabaseMetrics
from service.usecases.operations.desk import Desk
from service.usecases.operations.kafka_places import SEARCH_SECONDS, one_at_a_time
from service.usecases.operations.page_acts import PageActs
from service.usecases.queries import PaymentQueries
from service.usecases.queue_command import CommandRequests
from service.usecases.record import Recorder
from service.usecases.stripe_events import StripeEvents

_UNUSED = timedelta(days=1)
"""Only plans of authorizes depend on these times, and an authorize is not reopened."""


def build_service(current: Current[ServiceSettings]) -> Flask:
    """The HTTP application with its connection pool and its Stripe client. Neither is connected yet."""
    settings = current()
    engine = make_engine(current.database_url, settings.database_pool_size, FOR_CALLERS)
    gateway = StripeGateway(settings, refuse_inside_transaction)
    current.subscribe(gateway.use_key)
    queries = PaymentQueries(
        Reads(engine),
        gateway,
        default_currency=settings.default_currency,
        at_stripe_once=max(1, settings.database_pool_size // 2),
    )
    ports = Ports(
        queries=queries,
        requests=CommandRequests(engine, settings.payment_commands_topic),
        webhooks=StripeEvents(engine, Recorder(settings.payment_events_topic), Ownership(settings.stripe_live)),
        parse_webhook=parse,
        unready=DatabaseReadiness(current.database_url).unready,
        is_unavailable=is_unavailable,
        figures=DatabaseMetrics(LatestFigures(current.database_url, kept=figures_of_workers())),
        page=None if settings.ops_page == "off" else _page(current, engine),
    )
    return create_app(current, ports)


def _page(current: Current[ServiceSettings], engine: Engine) -> PagePorts:
    """The operators' page, with a connection of its own for what works beside requests."""
    settings = current()
    desk = Desk(engine, make_engine(current.database_url, 1, FOR_OPERATORS))
    desk.start()
    policy = Policy(settings.revert_event_type, look_again=_UNUSED, action_deadline=_UNUSED)
    acts = PageActs(engine, settings.payment_commands_topic, policy, settings.replay_window)
    servers = settings.kafka_bootstrap_servers
    return PagePorts(desk, acts, None if servers is None else one_at_a_time(partial(_search, current, servers)))


def _search(current: Current[ServiceSettings], servers: str, sought: Sequence[Sought]) -> list[Found | Absent]:
    """Records in Kafka, found with the password of now."""
    return search(current().config_for(servers), sought, SEARCH_SECONDS)
