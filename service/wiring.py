"""The use cases of the consumer and of operators, connected to the real database and the real gateway."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import REGISTRY

from runtime.current import Current
from service.domain.next_step import Policy
from service.domain.operator_acts import Grounds
from service.domain.ours import Ownership
from service.domain.ports import PaymentGateway
from service.domain.published import NOTHING, Published
from service.gateway.books import StripeBooks
from service.gateway.contact import Contact
from service.gateway.stripe_gateway import StripeGateway
from service.settings import CommandSettings, StripeSettings
from service.storage.engine import (
    FOR_COMMANDS,
    FOR_LEASES,
    FOR_OPERATORS,
    Engine,
    Waits,
    make_engine,
    refuse_inside_transaction,
)
from service.storage.latest_figures import LatestFigures
from service.storage.readiness import DatabaseReadiness
from service.usecases.accept import CommandEngine
from service.usecases.claim import Claims
from service.usecases.commit_step import NextSteps
from service.usecases.database_metrics import DatabaseMetrics
from service.usecases.dead_letters import DeadLetters
from service.usecases.due_commands import Completion
from service.usecases.due_looks import DueLooks
from service.usecases.lease_keeper import LeaseKeeper
from service.usecases.operations.audit import MoneyAudit
from service.usecases.operations.losses import Losses
from service.usecases.operations.recovery import Recovery
from service.usecases.operations.sweep import Sweep
from service.usecases.reconcile import Reconciler
from service.usecases.record import Recorder
from service.usecases.record_result import Results
from service.usecases.run_command import Runner


@dataclass(frozen=True, slots=True)
class _Parts:
    database: Engine
    recorder: Recorder
    claims: Claims
    runner: Runner
    reconciler: Reconciler
    leases: LeaseKeeper
    contact: Contact


@contextmanager
def _parts(
    current: Current[CommandSettings], gateway: PaymentGateway | None, waits: Waits, published: Published = NOTHING
) -> Iterator[_Parts]:
    """The objects that run commands. Until the block ends, leases are renewed on a connection of their own."""
    settings = current()
    database, keeping = make_engine(current, settings.database_pool_size, waits), make_engine(current, 1, FOR_LEASES)
    recorder = Recorder(settings.payment_events_topic, published)
    look_first = settings.look_first == "on"
    policy = Policy(settings.revert_event_type, settings.look_again, settings.action_deadline, look_first)
    next_steps = NextSteps(recorder, policy, settings.command_deadline)
    claims = Claims(database, next_steps, settings.lease)
    leases = LeaseKeeper(keeping, settings.lease)
    contact = Contact(longest=settings.stripe_timeout.total_seconds())
    if gateway is None:
        gateway = stripe = StripeGateway(settings, refuse_inside_transaction, contact=contact)
        current.subscribe(stripe.use_key)
    runner = Runner(database, gateway, Results(recorder, next_steps), leases, claims)
    leases.start()
    try:
        yield _Parts(database, recorder, claims, runner, Reconciler(database, gateway, recorder), leases, contact)
    finally:
        leases.stop()
        keeping.dispose()
        database.dispose()


@contextmanager
def command_engine(
    current: Current[CommandSettings], gateway: PaymentGateway | None = None
) -> Iterator[tuple[CommandEngine, Callable[[], str | None]]]:
    """The engine of one consumer process, and its readiness check: a fault of the database, the leases or Stripe in one
    line, or None.

    ``gateway`` replaces the gateway to Stripe.
    """
    settings = current()
    with _parts(current, gateway, FOR_COMMANDS) as parts:
        database = DatabaseReadiness(current)
        yield _engine(settings, parts), lambda: database.fault() or parts.leases.fault() or parts.contact.fault()


def _engine(settings: CommandSettings, parts: _Parts) -> CommandEngine:
    return CommandEngine(
        engine=parts.database,
        recorder=parts.recorder,
        dead_letters=DeadLetters(settings.dead_letter_topic, parts.recorder.published),
        claims=parts.claims,
        runner=parts.runner,
        lease=settings.lease,
        policy=parts.claims.next_steps.policy,
        completion=Completion(
            parts.database,
            parts.claims,
            parts.runner,
            parts.reconciler,
            settings.reconcile_interval,
            DueLooks(parts.database, parts.reconciler, settings.lease),
        ),
    )


def show_database_metrics(current: Current[CommandSettings]) -> None:
    """Let this process's /metrics show figures of the whole database."""
    REGISTRY.register(DatabaseMetrics(LatestFigures(current)))


@contextmanager
def auditing(settings: StripeSettings) -> Iterator[MoneyAudit]:
    """An operator's audit of the books."""
    database = make_engine(settings.database_url.get_secret_value(), 1, FOR_OPERATORS)
    try:
        books = StripeBooks(settings, refuse_inside_transaction)
        yield MoneyAudit(database, books, Ownership(settings.stripe_live))
    finally:
        database.dispose()


@contextmanager
def sweeping(
    settings: CommandSettings, gateway: PaymentGateway | None = None, *, grounds: Grounds | None = None
) -> Iterator[Sweep]:
    """An operator's reconciliation. ``gateway`` replaces the gateway to Stripe."""
    with _parts(Current(settings), gateway, FOR_OPERATORS) as parts:
        yield Sweep(parts.database, parts.claims, parts.runner, parts.reconciler, grounds)


@contextmanager
def recovering(
    settings: CommandSettings,
    losses: Losses,
    gateway: PaymentGateway | None = None,
    *,
    grounds: Grounds | None = None,
) -> Iterator[Recovery]:
    """An operator's recovery after a restore. Stripe is asked for holds and transfers before they are made."""
    careful = settings.model_copy(update={"look_first": "on"})
    with _parts(Current(careful), gateway, FOR_OPERATORS, losses.published) as parts:
        sweep = Sweep(parts.database, parts.claims, parts.runner, parts.reconciler, grounds)
        books = StripeBooks(settings, refuse_inside_transaction)
        yield Recovery(parts.database, _engine(careful, parts), sweep, books, losses)
