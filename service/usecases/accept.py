"""Phase 1, accept: store a command once, then run it; and answer or keep the records that are no valid command."""

from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import uuid4

from tenacity import retry, retry_if_exception_type, stop_after_attempt

from runtime import tracing
from runtime.crash_points import reached
from runtime.errors import PaymentServiceError
from runtime.logs import get_logger
from service.crash_points import CrashPoint
from service.domain import events
from service.domain.commands.authorize import Authorize, new_payment
from service.domain.commands.catalog import Command
from service.domain.commands.command import CommandKey, kept_type
from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.domain.content import Content
from service.domain.errors import ErrorCode
from service.domain.intent_state import Observed
from service.domain.next_step import Call, Mode, Policy, Step
from service.domain.payment import Failure, Payment, payment_id_of
from service.domain.progress import CommandState, Progress
from service.domain.received_records import Arrival, InvalidCommand, Origin, UnreadableMessage
from service.storage import acceptance, commands, payments
from service.storage.acceptance import Result
from service.storage.engine import Connection, Engine, in_transaction, transaction
from service.usecases.claim import Claims
from service.usecases.claimed import Claim, Over
from service.usecases.dead_letters import DeadLetters
from service.usecases.due_commands import Completion, DueCommand
from service.usecases.record import Recorder
from service.usecases.run_command import Runner

log = get_logger(__name__)


class DuplicateError(PaymentServiceError):
    """The command key is taken: the transaction rolls back, and the command has no second effect."""


class RaceError(PaymentServiceError):
    """The order's live payment ended between two statements: a second try sees that it ended."""


@dataclass(frozen=True, slots=True)
class CommandEngine:
    """Every method is safe to call again with the same message, at any time and from any process."""

    engine: Engine
    recorder: Recorder
    dead_letters: DeadLetters
    claims: Claims
    runner: Runner
    lease: timedelta
    completion: Completion
    policy: Policy

    def handle(self, command: Command, origin: Origin) -> None:
        """Accept a command durably, then run it as far as it can go now; a passing fault of Stripe's is rescheduled.

        Raises the database's error: before the command is accepted, nothing of it is stored; after that, what is
        committed is taken up again when the lease has expired.
        """
        try:
            following = self._accept(command, origin)
        except DuplicateError:
            self._duplicate(command.key, Content.of(command), origin)
            return
        self.runner.run(following)

    def _accept(self, command: Command, origin: Origin) -> Claim | Over:
        try:
            return self._accept_once(command, origin)
        except RaceError:
            return self._accept_again(command, origin)

    @retry(retry=retry_if_exception_type(RaceError), stop=stop_after_attempt(4), reraise=True)
    def _accept_again(self, command: Command, origin: Origin) -> Claim | Over:
        return self._accept_once(command, origin)

    def _accept_once(self, command: Command, origin: Origin) -> Claim | Over:
        arrival = origin.arrival(tracing.going_on(origin.traceparent))

        def accepted(connection: Connection) -> Claim | Over:
            if isinstance(command, Authorize):
                following = self._accept_authorize(connection, command, arrival)
            else:
                following = self._accept_on_payment(connection, command, arrival)
            reached(CrashPoint.ACCEPT_BEFORE_COMMIT)
            return following

        with tracing.span("accept", tracing.SpanKind.CLIENT, attributes=tracing.DATABASE):
            following = in_transaction(self.engine, accepted)
        reached(CrashPoint.ACCEPT_AFTER_COMMIT)
        return following

    def _accept_authorize(self, connection: Connection, command: Authorize, arrival: Arrival) -> Claim | Over:
        payment, token, looked_for = new_payment(command), uuid4(), Call(Step.CREATE_INTENT, Mode.LOOK)
        first = self.policy.begun(Step.CREATE_INTENT)
        if self.recorder.published.has_answered(command.key):
            looked_for = first = Call(Step.CREATE_INTENT, Mode.LOOK_ONLY)
        result, point, now = acceptance.accept(
            connection,
            command,
            payment,
            arrival=arrival,
            sent_lately=first.recovery_point,
            sent_long_ago=looked_for.recovery_point,
            token=token,
            lease=self.lease,
        )
        if result is Result.NO_PAYMENT:
            return self._no_new_payment(connection, command, arrival)
        if point is None:
            raise DuplicateError
        call = looked_for if point == looked_for.recovery_point else Call(Step.CREATE_INTENT)
        begun = Progress(command, payment.payment_id, CommandState.PENDING, point, 0, 0, 0, now, now, True, token)
        progress = replace(begun, traceparent=arrival.traceparent)
        return Claim(progress, payment, token, call, calls=1)

    def _no_new_payment(self, connection: Connection, command: Authorize, arrival: Arrival) -> Claim | Over:
        """The statement inserted no payment: the command's own one exists already, or another of the order is live."""
        own = payments.lock(connection, payment_id_of(command.correlation_id))
        if own is None:
            return self._order_taken(connection, command, arrival)
        self._add_open(connection, command, own.payment, arrival)
        return self.claims.within(connection, own.payment.payment_id, command.key)

    def _order_taken(self, connection: Connection, command: Authorize, arrival: Arrival) -> Over:
        held = payments.lock_live(connection, command.order_id)
        if held is None:
            raise RaceError(command.order_id)
        live = held.payment
        self._add_open(connection, command, live, arrival)
        message = f"Order {command.order_id} has a live payment ({live.status}); revert it before authorizing anew."
        answer = events.failed(live, command.key, Failure(ErrorCode.ORDER_ALREADY_PAID, message))
        self.recorder.record(connection, live, Observed(live, (answer,)), "another authorize", now=held.now)
        return Over()

    def _accept_on_payment(self, connection: Connection, command: Release | Revert, arrival: Arrival) -> Claim | Over:
        held = payments.lock(connection, command.payment_id)
        if held is None:
            return self._not_found(connection, command, arrival)
        self._add_open(connection, command, held.payment, arrival)
        return self.claims.within(connection, held.payment.payment_id, command.key)

    def _not_found(self, connection: Connection, command: Release | Revert, arrival: Arrival) -> Over:
        now = commands.add_answered(connection, command.key, Content.of(command), arrival)
        if now is None:
            raise DuplicateError
        failure = Failure(ErrorCode.PAYMENT_NOT_FOUND, "There is no such payment; send the id from payment.authorized.")
        answer = events.refused(command.key, failure, payment_id=command.payment_id)
        self.recorder.about_nothing(connection, answer, arrival.traceparent, now)
        return Over()

    def _add_open(self, connection: Connection, command: Command, payment: Payment, arrival: Arrival) -> None:
        event_type = self.policy.revert_event_type if isinstance(command, Revert) else None
        if not commands.add_open(connection, command, payment.payment_id, arrival, event_type):
            raise DuplicateError

    def refuse(self, invalid: InvalidCommand, origin: Origin) -> None:
        """Answer an invalid command once, and keep its record as a dead letter. Raises the database's error."""
        key = CommandKey(kept_type(invalid.command_type), invalid.correlation_id)
        sent = Content(invalid.fingerprint)
        trace, asked = tracing.going_on(origin.traceparent), CommandKey(invalid.command_type, invalid.correlation_id)
        failure = Failure(invalid.error, invalid.message)
        answer = events.refused(asked, failure, payment_id=invalid.payment_id, order_id=invalid.order_id)
        with transaction(self.engine) as connection:
            now = commands.add_answered(connection, key, sent, origin.arrival(trace))
            if now is not None:
                self.recorder.about_nothing(connection, answer, trace, now)
                self.dead_letters.add(connection, UnreadableMessage(invalid.error, invalid.message), origin)
                return
        self._duplicate(key, sent, origin)

    def dead_letter(self, unreadable: UnreadableMessage, origin: Origin) -> None:
        """Keep a message that cannot be answered as a dead letter. Raises the database's error."""
        with transaction(self.engine) as connection:
            self.dead_letters.add(connection, unreadable, origin)

    def _duplicate(self, key: CommandKey, sent: Content, origin: Origin) -> None:
        with transaction(self.engine) as connection:
            before = commands.content_before(connection, key)
            if before is not None and before.is_same(sent):
                log.info("duplicate_command", command_type=key.command_type, correlation_id=key.correlation_id)
                return
            detail = f"{key.command_type} came before under this correlation id with other content; use a new id."
            self.dead_letters.add(connection, UnreadableMessage("CORRELATION_ID_REUSED", detail), origin)

    def complete_due(self, limit: int) -> list[DueCommand]:
        """Work that is due, at most ``limit`` pieces: see ``Completion.take``. Raises the database's error."""
        return self.completion.take(limit)
