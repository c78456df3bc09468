"""The second look of an audit reads one payment's objects at Stripe again."""

from service.domain.auditing import DifferenceKind as Kind
from service.domain.auditing import Record, difference_in
from service.domain.books import Entry, Mark
from service.domain.errors import StripeRefusedError
from service.domain.ledger import Movement, MovementKind
from service.domain.movements import of_picture
from service.domain.ours import Ownership
from service.domain.stripe_objects import Intent, IntentStatus, Picture
from service.usecases.operations.audit_look import Look, look
from tests.unit.domain.facts import NOW, OURS, PAYMENT_ID, intent, payment, picture, progress, refund, transfer
from tests.unit.usecases.test_audit_sheet import FakeBooks

GONE = Movement(MovementKind.HOLD_GONE, "ch_9", 1500, "sgd", NOW)
PAID = payment("SUCCEEDED", "intent charge captured transfer", held=0)


class Looking(FakeBooks):
    """Shows pictures by intent, and refuses unknown intents."""

    def __init__(self, *pictures: Picture, **older: Entry) -> None:
        super().__init__(older=older)
        self.pictures = {each.intent.id: each for each in pictures}

    def look_at(self, intent_id: str) -> Picture:
        if intent_id not in self.pictures:
            raise StripeRefusedError("No such payment_intent", kind="invalid_request_error")
        return self.pictures[intent_id]


def second(**more: object) -> Intent:
    """Another intent that names the payment."""
    given = {"id": "pi_2", "charge_id": "ch_2", "payment_id": OURS, "order_id": "order-1", **more}
    return intent(IntentStatus.SUCCEEDED, **given)


def named(found: Intent) -> Entry:
    return Entry("ch_2", found, intent_id=found.id, charge_id="ch_2", mark=Mark(OURS))


def test_the_payments_own_intent_is_looked_at() -> None:
    seen = look(Looking(picture(refunds=(refund(),))), Ownership(), PAID, [], [])
    assert {key[0] for key in seen.movements} == {"hold", "capture", "refund"}


def test_refusal_to_show_the_intent_is_reported() -> None:
    seen = look(Looking(), Ownership(), PAID, [], [])
    assert seen.detail(Record(PAID, (), (), NOW)) == "Stripe does not show pi_1: No such payment_intent"


def test_second_intent_of_the_service_counts_with_its_charge() -> None:
    charge = named(second())
    back = Entry("re_2", refund("re_2"), intent_id="pi_2", charge_id="ch_2", mark=Mark(OURS))
    seen = look(Looking(picture(), Picture(second())), Ownership(), PAID, [charge, back], [])
    assert seen.foreign == []


def test_object_that_only_names_the_payment_counts_as_foreign() -> None:
    charge = named(second(capture_method="automatic"))
    seen = look(Looking(picture(), Picture(second(capture_method="automatic"))), Ownership(), PAID, [charge], [])
    assert seen.foreign == [charge]


def test_marked_intent_becomes_the_intent_of_a_payment_without_one() -> None:
    alone = payment("INITIATING", "")
    seen = look(Looking(Picture(second())), Ownership(), alone, [named(second())], [])
    assert {key[0] for key in seen.movements} == {"hold", "capture"}
    assert seen.detail(Record(alone, (), (), NOW)).startswith("status INITIATING → AUTHORIZED")


def test_transfer_from_the_balance_is_recognized_by_the_picture() -> None:
    ours = Entry("tr_1", transfer(), transfer_id="tr_1", mark=Mark(OURS))
    strange = Entry("tr_2", transfer(id="tr_2"), transfer_id="tr_2", mark=Mark(OURS))
    seen = look(Looking(picture(transfers=(transfer(),))), Ownership(), PAID, [ours, strange], [])
    assert seen.foreign == [strange]


def test_charge_missing_from_the_lists_is_read() -> None:
    shown = Entry("ch_9", intent(IntentStatus.CANCELED, charge_id="ch_9"), charge_id="ch_9")
    rows = [difference_in(Kind.MISSING_AT_STRIPE, PAYMENT_ID, None, GONE)]
    books = Looking(picture(), ch_9=shown)
    seen = look(books, Ownership(), PAID, [], [*rows, *rows])
    assert (GONE.key in seen.movements, books.found) == (True, ["ch_9"])


def test_payment_with_an_open_command_has_no_changed_facts() -> None:
    seen = Look(own=picture(refunds=(refund(),), transfers=(transfer(),)))
    rows = tuple(of_picture(PAID, picture(transfers=(transfer(),))))
    assert seen.detail(Record(PAID, rows, (progress(),), NOW)) == ""
    assert seen.detail(Record(PAID, rows, (), NOW)).startswith("status SUCCEEDED → REVERTED")
