"""The ports of the HTTP application: the use cases and checks that it is built around."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import UUID

from prometheus_client.registry import Collector

from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.domain.stripe_objects import StripeEvent
from service.usecases.operations.desk import Desk
from service.usecases.operations.kafka_places import Search
from service.usecases.operations.page_acts import PageActs
from service.usecases.queries import History, PaymentView


class Queries(Protocol):
    """The reads; ``PaymentQueries`` implements them."""

    def latest_of_order(self, order_id: str) -> PaymentView | None: ...
    def by_id(self, payment_id: UUID) -> PaymentView | None: ...
    def history_of(self, user_id: str) -> History: ...


class Requests(Protocol):
    """Queues commands; ``CommandRequests`` implements it."""

    def queue(self, command: Release | Revert, *, key: str | None, traceparent: str | None) -> str: ...


class Webhooks(Protocol):
    """Takes webhook events; ``StripeEvents`` implements it."""

    def receive(self, event: StripeEvent) -> str: ...


class Unready(Protocol):
    """A failing part, and a message that tells operators what to do."""

    @property
    def part(self) -> str: ...
    @property
    def message(self) -> str: ...


class PagePorts(NamedTuple):
    """What the operators' page shows, and what it does. ``search`` finds records in Kafka; None without Kafka."""

    desk: Desk
    acts: PageActs
    search: Search | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """All ports. ``parse_webhook``: the gateway's ``parse``. ``unready``: None while the service is ready.

    ``is_unavailable``: whether an error is a passing fault of the database. ``figures``: metrics read from it.
    ``page``: None without a page for operators.
    """

    queries: Queries
    requests: Requests
    webhooks: Webhooks
    parse_webhook: Callable[[bytes, str | None, list[str]], StripeEvent]
    unready: Callable[[], Unready | None]
    is_unavailable: Callable[[BaseException], bool]
    figures: Collector | None = None
    page: PagePorts | None = None
