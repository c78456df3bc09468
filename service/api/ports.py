"""What the HTTP face needs of the rest, so that it can be built around anything that has it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.domain.stripe_objects import StripeEvent
from service.usecases.queries import History, PaymentView


class Queries(Protocol):
    """``PaymentQueries``."""

    def latest_of_order(self, order_id: str) -> PaymentView | None: ...
    def by_id(self, payment_id: UUID) -> PaymentView | None: ...
    def history_of(self, user_id: str) -> History: ...


class Requests(Protocol):
    """``CommandRequests``."""

    def queue(self, command: Release | Revert, *, key: str | None, traceparent: str | None) -> str: ...


class Webhooks(Protocol):
    """``StripeEvents``."""

    def receive(self, event: StripeEvent) -> str: ...


class Unready(Protocol):
    """The failing part, and what to do about it."""

    @property
    def part(self) -> str: ...
    @property
    def message(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """``parse_webhook`` is the gateway's ``parse``; ``is_unavailable`` knows the database's passing faults."""

    queries: Queries
    requests: Requests
    webhooks: Webhooks
    parse_webhook: Callable[[bytes, str | None, list[str]], StripeEvent]
    unready: Callable[[], Unready | None]
    is_unavailable: Callable[[BaseException], bool]
