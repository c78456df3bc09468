"""``payment audit``: books and Stripe agree to the cent, or the audit names the differences."""

from uuid import UUID

import pytest

from commandline.failures import CannotError
from devstack.stripe_simulator.client import SimulatorControl
from service.gateway import books as stripe_books
from tests.integration.commandline.auditing import Books, sums_of
from tests.support.emptying import UNGUARDED

pytestmark = pytest.mark.postgres


@pytest.fixture
def reverted(books: Books) -> UUID:
    """A payment of another order, released and then reverted."""
    payment = books.core.authorize("c-auth-2", "order-2")
    books.core.release(payment, "c-release-2")
    books.core.revert(payment, "c-revert-2")
    books.core.hear()
    return payment


def test_unchanged_books_agree_with_stripe(books: Books, paid: UUID, reverted: UUID) -> None:
    books.core.authorize("c-auth-3", "order-3")
    found = books.agree()
    assert (found["under_way"], found["foreign"], found["compared"]) == ([], {}, 3)
    moved = {"hold": 4500, "capture": 3000, "refund": 1500, "transfer": 3000, "reversal": 1500}
    assert sums_of(found, "stripe") == sums_of(found, "ours") == moved
    assert found["owed"]["sgd"]["undecided"] == {"amount": 1500, "count": 1}


def test_an_audit_changes_nothing(books: Books, paid: UUID) -> None:
    books.core.stripe.dashboard("refund", books.core.intent(paid), amount=1)
    before = books.core.sql("SELECT json_agg(p)::text FROM payments p")
    effects = books.core.effects()
    books.differ()
    assert books.core.sql("SELECT json_agg(p)::text FROM payments p") == before
    assert books.core.effects() == effects


def test_empty_books_agree_with_stripe(books: Books) -> None:
    found = books.agree()
    assert (found["sums"], found["foreign"], found["owed"], found["compared"]) == ({}, {}, {}, 0)


def test_unknown_refund_of_one_cent_is_found(books: Books, paid: UUID) -> None:
    refund = books.core.stripe.dashboard("refund", books.core.intent(paid), amount=1)
    found = books.only_difference()
    assert (found["what"], found["kind"], found["proof"]) == ("missing_here", "refund", refund["id"])
    assert (found["payment_id"], found["stripe_amount"], found["our_amount"]) == (str(paid), 1, None)
    report = books.differ()
    assert sums_of(report, "stripe") == {**sums_of(report, "ours"), "refund": 1}


def test_difference_ends_when_its_webhook_arrives(books: Books, paid: UUID) -> None:
    books.core.stripe.dashboard("refund", books.core.intent(paid), amount=1)
    books.differ()
    books.core.hear()
    assert sums_of(books.agree(), "ours")["refund"] == 1


def test_difference_shows_the_payment_after_a_repair(books: Books, paid: UUID) -> None:
    books.core.stripe.dashboard("refund", books.core.intent(paid))
    assert "status SUCCEEDED → REVERTED" in books.only_difference()["detail"]


def test_all_movements_of_a_lost_payment_are_reported(books: Books, paid: UUID, reverted: UUID) -> None:
    books.lose(reverted)
    found = books.differ()["differs"]
    assert {each["what"] for each in found} == {"no_payment"}
    assert {each["kind"] for each in found} == {"hold", "capture", "transfer", "reversal", "refund"}
    assert all(str(reverted) in each["detail"] and each["payment_id"] is None for each in found)


@pytest.mark.parametrize("kind", ["hold", "capture", "transfer"])
def test_a_movement_that_the_ledger_lost_is_found(books: Books, paid: UUID, kind: str) -> None:
    books.forget_movement(kind, paid)
    found = books.differ()["differs"]
    assert [each["kind"] for each in found if each["what"] == "missing_here"] == [kind]
    assert "other_facts" in {each["what"] for each in found}


def test_a_movement_that_stripe_does_not_have_is_found(books: Books, paid: UUID) -> None:
    books.core.sql(
        "INSERT INTO movements (kind, proof, payment_id, amount, currency, by_us, cause, happened_at) "
        "VALUES ('refund', 're_made_up', :p, 200, 'sgd', true, 'test', now())",
        p=paid,
    )
    found = books.only_difference()
    assert (found["what"], found["proof"], found["payment_id"]) == ("missing_at_stripe", "re_made_up", str(paid))
    assert (found["stripe_amount"], found["our_amount"], found["our_currency"]) == (None, 200, "sgd")


def test_another_amount_is_found(books: Books, paid: UUID) -> None:
    books.core.sql(f"{UNGUARDED}; UPDATE movements SET amount = 1499 WHERE kind = 'transfer'")
    found = [each for each in books.differ()["differs"] if each["what"] == "other_amount"]
    assert [(each["kind"], each["stripe_amount"], each["our_amount"]) for each in found] == [("transfer", 1500, 1499)]


def test_a_movement_in_the_ledger_of_another_payment_is_found(books: Books, paid: UUID, reverted: UUID) -> None:
    refund = books.core.payment(reverted)["stripe_refund_id"]
    books.core.sql(
        f"{UNGUARDED}; UPDATE movements SET payment_id = :p WHERE proof = :r",
        p=paid,
        r=refund,
    )
    found = {each["what"]: each for each in books.differ()["differs"] if each["kind"] is not None}
    assert set(found) == {"other_payment", "missing_at_stripe"}
    assert found["other_payment"]["payment_id"] == str(reverted)
    assert str(paid) in found["other_payment"]["detail"]


class TestForPeople:
    def test_ids_are_whole_on_lines_of_eighty_columns(self, books: Books, paid: UUID) -> None:
        refund = books.core.stripe.dashboard("refund", books.core.intent(paid), amount=1)
        lines = books.run(code=1).stdout.splitlines()
        named = [line for line in lines if refund["id"] in line or str(paid) in line]
        assert len(named) == 2
        assert max(map(len, named)) <= 80
        assert "payments compared: 1; differences: 1; under way: 0" in lines

    def test_progress_is_written_to_stderr(self, books: Books, paid: UUID) -> None:
        result = books.run("--json")
        assert "balance transactions 2" in " ".join(result.stderr.split())
        assert "balance transactions" not in result.stdout


def test_unanswering_stripe_is_reported_in_one_line(
    books: Books, paid: UUID, simulator: SimulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe_books, "PAUSES", ())
    simulator.fault("drop_before", "disputes.list", times=None)
    said = books.run(code=CannotError.exit_code).stderr.splitlines()[-1]
    assert said.startswith("stripe: ")
    assert said.endswith("nothing is proved, run it again")


def test_failed_request_is_repeated(
    books: Books, paid: UUID, simulator: SimulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe_books, "PAUSES", (0.0,))
    simulator.fault("error_before", "charges.list", times=1)
    books.agree()


def test_window_that_ends_before_its_start_is_bad_usage(books: Books) -> None:
    assert "--since must be before --until" in books.run("--since", "1h", "--until", "2h", code=2).stderr
