"""The consumer's use cases, wired to a real database and a real gateway."""

from collections.abc import Iterator
from contextlib import contextmanager

from service.domain.plans import Policy
from service.domain.ports import PaymentGateway
from service.gateway.stripe_gateway import StripeGateway
from service.settings import ConsumerSettings
from service.storage.engine import Engine, make_engine, refuse_inside_transaction
from service.usecases.burial import Burial
from service.usecases.claims import Claims
from service.usecases.completion import Completion
from service.usecases.engine import CommandEngine
from service.usecases.leases import LeaseKeeper
from service.usecases.reconcile import Reconciler
from service.usecases.recording import Recorder
from service.usecases.runner import Runner


@contextmanager
def command_engine(
    settings: ConsumerSettings, gateway: PaymentGateway | None = None
) -> Iterator[tuple[CommandEngine, Engine]]:
    """The engine of one consumer process and its database pool; leases are renewed until the block is left.

    ``gateway`` stands in for Stripe's.
    """
    database = make_engine(settings.database_url.get_secret_value(), settings.database_pool_size)
    recorder = Recorder(settings.payment_events_topic)
    policy = Policy(settings.revert_event_type, settings.look_again, settings.action_deadline)
    claims = Claims(database, recorder, lease=settings.lease, policy=policy, deadline=settings.command_deadline)
    leases = LeaseKeeper(database, settings.lease)
    gateway = gateway or StripeGateway(settings, refuse_inside_transaction)
    runner = Runner(database, gateway, recorder=recorder, leases=leases, claims=claims)
    reconciler = Reconciler(database, gateway, recorder)
    engine = CommandEngine(
        database,
        recorder=recorder,
        burial=Burial(settings.dead_letter_topic),
        claims=claims,
        runner=runner,
        lease=settings.lease,
        completion=Completion(database, claims, runner, reconciler, settings.reconcile_interval),
    )
    leases.start()
    try:
        yield engine, database
    finally:
        leases.stop()
        database.dispose()
