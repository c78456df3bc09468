"""What each act will do, in words and as a call."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from runtime.errors import PaymentServiceError
from runtime.plurals import number_of
from service.api.ops_page import values
from service.api.ops_page.words import money
from service.domain.commands.command import CommandKey, FieldError
from service.domain.operator_acts import Grounds
from service.domain.payment import as_uuid
from service.storage.operator_session import Record
from service.usecases.operations.desk import Sheet
from service.usecases.operations.page_acts import PageActs
from service.usecases.operations.payment_acts import Queued, Result

Form = Mapping[str, str]


class FormError(PaymentServiceError):
    """A field cannot be taken; the message says why."""


class Field(NamedTuple):
    """A field of the form beside the reason. More than one of ``lines`` makes it a text area."""

    name: str
    label: str
    value: str
    lines: int = 1


class Plan(NamedTuple):
    """An act as its form shows it. ``perform`` does it, and returns the name of what was done.

    ``shown``: the status of the payment that the form shows, where the act is meant for that status only.
    """

    title: str
    button: str
    object: list[tuple[str, object]]
    effect: str
    perform: Callable[[Grounds, Form], str]
    fields: tuple[Field, ...] = ()
    shown: str | None = None


def release(acts: PageActs, sheet: Sheet) -> Plan:
    """A release of the payment to a runner's account."""
    payment = sheet.payment

    def perform(grounds: Grounds, form: Form) -> str:
        runner, account = form.get("runner_id", ""), form.get("runner_connect_account_id", "")
        shown = _hidden(form, "shown")
        try:
            queued = acts.payment_acts(grounds).release(payment["payment_id"], runner, account, shown=shown)
        except FieldError as error:
            raise FormError(error.message) from error
        return _queued(queued)

    effect = "The consumer captures what is held, and transfers the whole amount to this account at Stripe."
    fields = (
        Field("runner_id", "Runner", payment["runner_id"] or ""),
        Field("runner_connect_account_id", "Connected account (acct_…)", payment["runner_connect_account_id"] or ""),
    )
    return Plan("Release a payment", "Release", _of_payment(payment), effect, perform, fields, payment["status"])


def revert(acts: PageActs, sheet: Sheet) -> Plan:
    """A revert of the payment."""
    payment = sheet.payment
    effect = (
        "The consumer cancels what is held. What was captured is refunded to the customer, "
        "and what was transferred is taken back from the runner first."
    )

    def perform(grounds: Grounds, form: Form) -> str:
        return _queued(acts.payment_acts(grounds).revert(payment["payment_id"], shown=_hidden(form, "shown")))

    return Plan("Revert a payment", "Revert", _of_payment(payment), effect, perform, shown=payment["status"])


def replay(acts: PageActs, sheet: Sheet) -> Plan:
    """A replay of the payment's messages."""
    payment = sheet.payment
    found = acts.replayable(payment["payment_id"])
    commands = number_of(found.commands, "command")
    events = number_of(found.events, "event")
    effect = (
        f"Every message of this payment is published again with its event id: {commands} and {events}. Readers that do "
        "not keep the ids of events (ce_id) act on them once more."
    )

    def perform(grounds: Grounds, form: Form) -> str:
        form_id = as_uuid(_hidden(form, "form_id"))
        if form_id is None:
            raise FormError(_NOT_WHOLE)
        acts.replay(payment["payment_id"], form_id, grounds)
        return "replayed"

    return Plan("Replay a payment's events", "Replay", _of_payment(payment), effect, perform)


def retry(acts: PageActs, command: Record) -> Plan:
    """An open command's next attempt, now."""
    effect = "The next free consumer takes the command up, instead of at the time of its next attempt."

    def perform(grounds: Grounds, _form: Form) -> str:
        acts.retry(_key(command), grounds)
        return "retried"

    return Plan("Retry a command now", "Retry", _of_command(command), effect, perform)


def reopen(acts: PageActs, command: Record) -> Plan:
    """Another run of a command that failed."""
    effect = (
        "The command runs once more under its own correlation id, and its caller gets another outcome event. "
        "Each step begins with a look at Stripe, so that nothing is done twice."
    )

    def perform(grounds: Grounds, _form: Form) -> str:
        acts.reopen(_key(command), grounds)
        return "reopened"

    return Plan("Reopen a command that failed", "Reopen", _of_command(command), effect, perform)


def resend(acts: PageActs, letter: Record) -> Plan:
    """A dead letter's record, sent to its topic again, mended or not."""
    value = values.editable(letter)

    def perform(grounds: Grounds, form: Form) -> str:
        sent = values.lines(form.get("value", ""))
        mended = value is not None and sent != values.lines(value)
        acts.resend(letter["id"], sent.encode() if mended else None, grounds)
        return "resent"

    effect = "The record goes to its topic again, and the consumer reads it as a new one. The dead letter is closed."
    fields = () if value is None else (Field("value", "Value; mend it, or leave it as it is", value, 12),)
    return Plan("Resend a dead letter", "Resend", _of_letter(letter), effect, perform, fields)


def discard(acts: PageActs, letter: Record) -> Plan:
    """A dead letter, closed without being sent."""

    def perform(grounds: Grounds, _form: Form) -> str:
        acts.discard(letter["id"], grounds)
        return "discarded"

    effect = "The dead letter is closed, and the record is not sent. It stays in the database."
    return Plan("Discard a dead letter", "Discard", _of_letter(letter), effect, perform)


_NOT_WHOLE = "The form is not whole; open it again"


def _hidden(form: Form, name: str) -> str:
    """A field that the form has without the operator's doing. Raises FormError where it is missing."""
    if name not in form:
        raise FormError(_NOT_WHOLE)
    return form[name]


def _queued(queued: Queued) -> str:
    return "queued" if queued.result is Result.QUEUED else "there"


def _key(command: Record) -> CommandKey:
    return CommandKey(command["command_type"], command["correlation_id"])


def _of_payment(payment: Record) -> list[tuple[str, object]]:
    amount = money(payment["amount"], payment["currency"])
    names = {"Payment": "payment_id", "Status": "status", "Order": "order_id", "Customer": "customer_id"}
    return [*((shown, payment[name]) for shown, name in names.items()), ("Amount", amount)]


def _of_command(command: Record) -> list[tuple[str, object]]:
    names = {
        "Type": "command_type",
        "Correlation id": "correlation_id",
        "Payment": "payment_id",
        "Last fault": "last_error",
    }
    return [(shown, command[name]) for shown, name in names.items()]


def _of_letter(letter: Record) -> list[tuple[str, object]]:
    place = f"{letter['topic']}, partition {letter['partition']}, offset {letter['offset']}"
    return [("Dead letter", letter["id"]), ("Reason", letter["reason"]), ("From", place)]
