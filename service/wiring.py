"""The consumer's use cases, wired to a real database and a real gateway."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from service.domain.plans import Policy
from service.gateway.stripe_gateway import StripeGateway
from service.settings import ConsumerSettings
from service.storage.engine import Engine, make_engine, refuse_inside_transaction
from service.storage.migrate import schema_state
from service.usecases.burial import Burial
from service.usecases.claims import Claims
from service.usecases.engine import CommandEngine
from service.usecases.leases import LeaseKeeper
from service.usecases.recording import Recorder
from service.usecases.runner import Runner


@contextmanager
def command_engine(settings: ConsumerSettings) -> Iterator[tuple[CommandEngine, Engine]]:
    """The engine of one consumer process and its database pool; leases are renewed until the block is left."""
    database = make_engine(settings.database_url.get_secret_value(), settings.database_pool_size)
    recorder = Recorder(settings.payment_events_topic)
    policy = Policy(settings.revert_event_type, settings.look_again, settings.action_deadline)
    claims = Claims(database, recorder, lease=settings.lease, policy=policy, deadline=settings.command_deadline)
    leases = LeaseKeeper(database, settings.lease)
    gateway = StripeGateway(settings, refuse_inside_transaction)
    runner = Runner(database, gateway, recorder=recorder, leases=leases, claims=claims)
    engine = CommandEngine(
        database,
        recorder=recorder,
        burial=Burial(settings.dead_letter_topic),
        claims=claims,
        runner=runner,
        lease=settings.lease,
    )
    leases.start()
    try:
        yield engine, database
    finally:
        leases.stop()
        database.dispose()


def database_fault(database: Engine) -> str | None:
    """None when the database answers and its schema is the one this code was written for, else what is wrong."""
    try:
        with database.connect() as connection:
            connection.execute(text("SELECT 1"))
            state = schema_state(connection)
    except SQLAlchemyError as exc:
        return f"database: {type(exc).__name__}"
    return None if state.at_head else f"database: schema is {state.current or 'empty'}, this code wants {state.head}"
