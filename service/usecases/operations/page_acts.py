"""The acts that the operators' page offers, on one object each."""

from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from service.domain.commands.command import CommandKey
from service.domain.next_step import Policy
from service.domain.operator_acts import Grounds
from service.storage.engine import Engine
from service.storage.operator_outbox import Extent, Selection
from service.storage.operator_session import reading
from service.usecases.operations import letters, reopening, retries
from service.usecases.operations.errors import OperatorError
from service.usecases.operations.payment_acts import PaymentActs
from service.usecases.operations.replay import Replay


@dataclass(frozen=True, slots=True)
class PageActs:
    """Methods raise OperatorError for what is impossible, or the database's error; then nothing was changed."""

    engine: Engine
    commands_topic: str
    policy: Policy
    replay_window: timedelta

    def payment_acts(self, grounds: Grounds) -> PaymentActs:
        """Releases and reverts on these grounds."""
        return PaymentActs(self.engine, self.commands_topic, grounds)

    def retry(self, key: CommandKey, grounds: Grounds) -> None:
        """Make an open command due now."""
        retries.retry_command(self.engine, key, grounds)

    def reopen(self, key: CommandKey, grounds: Grounds) -> None:
        """Let a command that failed run once more."""
        reopening.reopen_command(self.engine, key, grounds, self.policy)

    def resend(self, letter_id: int, mended: bytes | None, grounds: Grounds) -> None:
        """Send a dead letter's record again: the mended value in its place, or, with None, as it is.

        A mended value that is still no command is left to the command line, which can be made to send it.
        """
        if mended is None:
            retries.retry_dead_letter(self.engine, letter_id, grounds)
            return
        with reading(self.engine) as connection:
            fault = letters.still_wrong(connection, mended)
        if fault is not None:
            raise OperatorError(f"It is still wrong: {fault}")
        retries.resend_dead_letter(self.engine, letter_id, mended, grounds)

    def replay(self, payment_id: UUID, replay_id: UUID, grounds: Grounds) -> None:
        """Append a payment's messages again, with their event ids; under one ``replay_id`` once.

        Messages older than the replay window are left to the command line, which asks for more.
        """
        planned = replace(self._planned(payment_id), id=replay_id)
        if planned.is_older_than(self.replay_window):
            raise OperatorError("readers may have forgotten events this old; see cli.py outbox replay --help")
        for _ in planned.begin(self.engine, grounds).run(self.engine):
            pass

    def replayable(self, payment_id: UUID) -> Extent:
        """What a replay of the payment's messages would append."""
        return self._planned(payment_id).extent

    def _planned(self, payment_id: UUID) -> Replay:
        return Replay.plan(self.engine, Selection(payment_id=payment_id))

    def discard(self, letter_id: int, grounds: Grounds) -> None:
        """Close a dead letter without sending it."""
        retries.discard_dead_letter(self.engine, letter_id, grounds)
