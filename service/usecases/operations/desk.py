"""The operators' desk: what the page shows, each view read in one snapshot."""

import threading
import time
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from runtime.background import in_thread
from runtime.logs import get_logger
from service.domain.payment import PaymentStatus
from service.storage import (
    operator_actions,
    operator_money,
    operator_overview,
    operator_pages,
    operator_reads,
    operator_search,
    operator_sessions,
)
from service.storage.engine import Engine, SQLAlchemyError
from service.storage.operator_overview import Overview, RelayView
from service.storage.operator_pages import After, CommandFilter
from service.storage.operator_payments import PaymentFilter
from service.storage.operator_session import Record, glancing, reading
from service.usecases.operations.lag_history import SECONDS, LagHistory, Sample
from service.usecases.operations.timeline import Entry, timeline

HOLD_AGE = timedelta(days=6)
"""Stripe ends a hold after about seven days."""

OWED_SECONDS = 60.0
"""Age of the list of owed money at which a look at it has the list read again."""

_log = get_logger(__name__)


class Owed(NamedTuple):
    """Money that is owed to somebody, and money that waits for a decision, as of ``clock``."""

    clock: datetime
    rows: list[Record]
    undecided: list[Record]


class Sheet(NamedTuple):
    """One payment: its row, its timeline, its commands, the acts of operators on it, and who locks its row.

    As of ``clock``, the database's.
    """

    payment: Record
    entries: list[Entry]
    commands: list[Record]
    acts: list[Record]
    lockers: list[Record]
    clock: datetime


class Desk:
    """``engine`` answers requests. ``aside`` has a connection for what works by itself or reads whole tables.

    Methods raise the database's error.
    """

    def __init__(self, engine: Engine, aside: Engine) -> None:
        self._engine = engine
        self._aside = aside
        self._owed: Owed | None = None
        self._owed_until = 0.0
        self._owed_wanted = threading.Event()
        self.history = LagHistory(self._lag)

    def overview(self, span: timedelta) -> tuple[Overview, list[Record], list[Sample]]:
        """The figures; payments that are authorized for longer than ``HOLD_AGE``, as ``payments`` gives them; and the
        relay's lag over the ``span`` before."""
        old = PaymentFilter([PaymentStatus.AUTHORIZED], HOLD_AGE)
        with glancing(self._engine) as connection:
            found = operator_overview.overview(connection)
            holds = operator_pages.payments(connection, old, None, oldest_first=True)
        return found, holds, self.history.since(found.relay.clock - span)

    def relay(self) -> RelayView:
        """The relay's progress, and what may hold it up."""
        with glancing(self._engine) as connection:
            return operator_overview.relay(connection)

    def search(self, words: str) -> tuple[list[Record], list[Record]]:
        """Payments that have ``words`` as an id of any kind, newest first; and the commands with this correlation id,
        which may be about no payment."""
        with glancing(self._engine) as connection:
            found = operator_search.payments_with(connection, words)
            return found, operator_reads.commands_called(connection, words)

    def payments(self, wanted: PaymentFilter, after: After | None, *, oldest_first: bool) -> list[Record]:
        """A page of payments, and one more if there are more."""
        with glancing(self._engine) as connection:
            return operator_pages.payments(connection, wanted, after, oldest_first=oldest_first)

    def payment(self, payment_id: UUID) -> Sheet | None:
        """One payment; None when it does not exist."""
        with glancing(self._engine) as connection:
            found = operator_reads.payments_called(connection, str(payment_id))
            if not found:
                return None
            commands = operator_reads.commands_of(connection, payment_id)
            acts = operator_actions.actions_of(connection, payment_id)
            lockers = operator_sessions.lockers(connection, payment_id, operator_sessions.MOMENT_SECONDS)
            return Sheet(
                found[0], timeline(connection, found[0]), commands, acts, lockers, operator_overview.clock(connection)
            )

    def open_commands(self, wanted: CommandFilter, skipped: int) -> list[Record]:
        """A page of open commands, and one more if there are more."""
        with glancing(self._engine) as connection:
            return operator_pages.open_commands(connection, wanted, skipped)

    def command(self, correlation_id: str, command_type: str) -> tuple[Record, list[Record]] | None:
        """One command, and the acts under its correlation id; None when it does not exist."""
        with glancing(self._engine) as connection:
            called = operator_reads.commands_called(connection, correlation_id)
            found = next((each for each in called if each["command_type"] == command_type), None)
            return None if found is None else (found, operator_pages.actions_on(connection, correlation_id))

    def actions(self, below: int | None) -> list[Record]:
        """A page of operators' acts, and one more if there are more."""
        with glancing(self._engine) as connection:
            return operator_pages.actions(connection, below)

    def dead_letters(self, state: str, reason: str | None, below: int | None) -> tuple[list[Record], list[Record]]:
        """A page of dead letters, and one more if there are more; and the open ones by reason."""
        with glancing(self._engine) as connection:
            found = operator_pages.dead_letters(connection, state=state, reason=reason, below=below)
            return found, operator_overview.letters(connection)

    def dead_letter(self, id_: int) -> Record | None:
        """One dead letter, whole; None when it does not exist."""
        with glancing(self._engine) as connection:
            return operator_reads.dead_letter(connection, id_)

    def owed(self) -> Owed | None:
        """The list of owed money, read lately; None while the first reading goes on.

        It takes a scan of all payments, so no request waits for it. Asking for an old list has it read again.
        """
        if time.monotonic() >= self._owed_until:
            self._owed_wanted.set()
        return self._owed

    def read_owed(self) -> None:
        """Read the list of owed money now."""
        with reading(self._aside) as connection:
            rows, undecided = operator_money.owed(connection), operator_money.undecided(connection)
            self._owed = Owed(operator_overview.clock(connection), rows, undecided)
        self._owed_until = time.monotonic() + OWED_SECONDS

    def start(self) -> None:
        """From now on take samples of the relay's lag, and read what is wanted, in a thread."""
        in_thread("ops-figures", self._work)

    def _work(self) -> None:
        known = True
        while True:
            wanted = self._owed_wanted.wait(SECONDS)
            try:
                if wanted:
                    self._owed_wanted.clear()
                    self.read_owed()
                else:
                    self.history.sample()
                known = True
            except SQLAlchemyError as error:
                if known:
                    _log.warning("operators_figures_unknown", reason=error)
                known = False

    def _lag(self) -> tuple[datetime, int, float] | None:
        with glancing(self._aside) as connection:
            return operator_overview.lag(connection)
