"""Operators act on payments, commands and dead letters. Each act has a question, a reason and an audit row."""

from typing import Any

import pytest
from sqlalchemy import text

from commandline.batch import Batch
from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.domain.errors import ErrorCode
from service.domain.payment import Payment
from service.domain.received_records import Arrival
from service.storage import commands
from service.storage.engine import transaction
from tests.integration.commandline.conftest import CommandLine
from tests.integration.commandline.history import History

pytestmark = pytest.mark.postgres

WHY = ("--because", "the runner fell ill, ticket 81", "--operator", "mira@shell")


def audit(history: History) -> list[dict[str, Any]]:
    with transaction(history.engine) as connection:
        return [dict(row) for row in connection.execute(text("SELECT * FROM operator_actions ORDER BY id")).mappings()]


def age(history: History, payment: Payment, days: int) -> None:
    """Make the payment and its status older."""
    with transaction(history.engine) as connection:
        statement = (
            "SET LOCAL session_replication_role = replica; "
            "UPDATE payments SET created_at = created_at - make_interval(days => :days) WHERE payment_id = :id; "
            "UPDATE payment_transitions SET at = at - make_interval(days => :days) WHERE payment_id = :id"
        )
        connection.execute(text(statement), {"days": days, "id": payment.payment_id})


class TestPaymentList:
    def test_list_finds_holds_older_than_six_days(self, commandline: CommandLine, history: History) -> None:
        old, _ = history.authorize("order-1", "saga-1"), history.authorize("order-2", "saga-2")
        history.fail_after("order-3", "saga-3")
        age(history, old, 7)
        found = commandline.json("payment", "list", "--status", "AUTHORIZED", "--older-than", "6d")
        assert [each["payment_id"] for each in found] == [str(old.payment_id)]

    def test_age_counts_from_the_last_change_of_status(self, commandline: CommandLine, history: History) -> None:
        payment = history.authorize("order-1", "saga-1")
        age(history, payment, 7)
        history.canceled_at_stripe(payment)
        assert commandline.json("payment", "list", "--older-than", "6d") == []

    def test_list_finds_all_payments_of_a_customer_or_order(self, commandline: CommandLine, history: History) -> None:
        history.authorize("order-1", "saga-1")
        history.authorize("order-2", "saga-2")
        of_customer = commandline.json("payment", "list", "--customer", "customer-1")
        assert [each["order_id"] for each in of_customer] == ["order-2", "order-1"]
        assert len(commandline.json("payment", "list", "--order", "order-1", "--customer", "customer-1")) == 1
        assert commandline.json("payment", "list", "--runner", "runner-1") == []

    def test_list_merges_statuses_up_to_the_limit(self, commandline: CommandLine, history: History) -> None:
        history.authorize("order-1", "saga-1")
        history.fail_after("order-2", "saga-2")
        history.authorize("order-3", "saga-3")
        wanted = ("payment", "list", "--status", "AUTHORIZED", "--status", "FAILED", "--limit", "2")
        assert [each["order_id"] for each in commandline.json(*wanted)] == ["order-3", "order-2"]
        assert "there are more" in commandline.run(*wanted).stderr

    def test_payment_is_shown_by_a_correlation_id(self, commandline: CommandLine, history: History) -> None:
        payment = history.authorize("order-1", "saga-1")
        assert commandline.json("payment", "show", "saga-1")["payment_id"] == str(payment.payment_id)


class TestPaymentActs:
    def test_revert_is_queued_with_its_reason_and_audit_row(self, commandline: CommandLine, history: History) -> None:
        payment = history.authorize("order-1", "saga-1")
        commandline.run("payment", "revert", "order-1", *WHY, "--yes")
        (command,) = commandline.json("outbox", "list", "--type", "revert_payment")
        assert command["value"]["payload"]["reason"] == "the runner fell ill, ticket 81"
        (act,) = audit(history)
        assert (act["operator"], act["channel"], act["action"]) == ("mira@shell", "cli", "payment.revert")
        assert (act["payment_id"], act["correlation_id"]) == (payment.payment_id, command["value"]["correlation_id"])

    def test_question_of_a_release_names_the_payee(self, commandline: CommandLine, history: History) -> None:
        history.authorize("order-1", "saga-1")
        commandline.run("payment", "release", "order-1", "--runner", "r-1", "--account", "acct_1", *WHY, "--yes")
        (command,) = commandline.json("outbox", "list", "--type", "release_payment")
        assert command["value"]["payload"]["runner_connect_account_id"] == "acct_1"

    def test_negative_answer_changes_nothing(self, commandline: CommandLine, history: History) -> None:
        payment = history.authorize("order-1", "saga-1")
        said = commandline.run("payment", "revert", "order-1", *WHY, answer="n\n", code=1).stderr
        assert f"Revert payment {payment.payment_id} (AUTHORIZED, 1250 sgd, order order-1)?" in said
        assert audit(history) == []

    def test_question_contains_no_terminal_control_characters(self, commandline: CommandLine, history: History) -> None:
        payment = history.authorize("order\x1b[2J", "saga-1")
        said = commandline.run("payment", "revert", str(payment.payment_id), *WHY, answer="n\n", code=1).stderr
        assert said.replace("\n", "").isprintable()

    def test_dry_run_lists_and_changes_nothing(self, commandline: CommandLine, history: History) -> None:
        history.authorize("order-1", "saga-1")
        found = commandline.json("payment", "revert", "--status", "AUTHORIZED", *WHY, "--dry-run")
        assert [each["order_id"] for each in found] == ["order-1"]
        assert audit(history) == []

    def test_repeated_act_on_a_filter_covers_only_the_rest(self, commandline: CommandLine, history: History) -> None:
        for number in range(3):
            history.authorize(f"order-{number}", f"saga-{number}")
        commandline.run("payment", "revert", "order-0", *WHY, "--yes")
        results = commandline.json("payment", "revert", "--status", "AUTHORIZED", *WHY, "--yes")
        assert sorted(each["result"].partition(":")[0] for each in results) == ["queued", "queued", "skipped"]
        assert len(commandline.json("outbox", "list", "--type", "revert_payment")) == 3
        assert len(audit(history)) == 3

    def test_ctrl_c_reports_the_completed_part(
        self, commandline: CommandLine, history: History, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(3):
            history.authorize(f"order-{number}", f"saga-{number}")
        whole = Batch._each

        def interrupted(self: Batch, *more: Any) -> Any:
            yield next(whole(self, *more))
            raise KeyboardInterrupt

        with monkeypatch.context() as once:
            once.setattr(Batch, "_each", interrupted)
            said = commandline.run("payment", "revert", "--status", "AUTHORIZED", *WHY, "--yes", code=1).stderr
        assert "interrupted: 1 done, 2 left; run it again to go on" in said
        commandline.run("payment", "revert", "--status", "AUTHORIZED", *WHY, "--yes")
        assert len(audit(history)) == 3

    def test_timeline_shows_who_acted_and_why(self, commandline: CommandLine, history: History) -> None:
        history.authorize("order-1", "saga-1")
        commandline.run("payment", "revert", "order-1", *WHY, "--yes")
        (act,) = [each for each in commandline.json("payment", "timeline", "order-1") if each["source"] == "operator"]
        assert act["detail"] == "by mira@shell through cli: the runner fell ill, ticket 81"

    @pytest.mark.parametrize("reason", [" ", "x" * 1001, "\udcff"])
    def test_unstorable_reason_is_bad_usage(self, commandline: CommandLine, reason: str) -> None:
        commandline.run("payment", "revert", "order-1", "--because", reason, "--yes", code=2)

    def test_act_without_ids_and_filter_is_bad_usage(self, commandline: CommandLine) -> None:
        commandline.run("payment", "revert", *WHY, "--yes", code=2)
        commandline.run("payment", "revert", "order-1", "--status", "AUTHORIZED", *WHY, "--yes", code=2)


class TestCommands:
    @pytest.mark.parametrize("error", [ErrorCode.INVALID_PAYLOAD, ErrorCode.PAYMENT_NOT_FOUND])
    def test_refused_command_is_shown_with_its_outcome(
        self, commandline: CommandLine, history: History, error: ErrorCode
    ) -> None:
        history.refuse("saga-1", "revert_payment", error)
        shown = commandline.json("command", "show", "saga-1")
        assert (shown["outcome"]["type"], shown["outcome"]["error"]) == ("payment.failed", error)
        assert [event["published"] for event in shown["events"]] == [False]

    def test_missing_command_is_reported_with_the_other_types_of_its_id(
        self, commandline: CommandLine, history: History
    ) -> None:
        history.authorize("order-1", "saga-1")
        said = commandline.run("command", "show", "saga-1", "--type", "revert_payment", code=1).stderr
        assert said == "no revert_payment saga-1 is accepted; it has authorize_payment\n"

    def test_waiting_commands_are_retried_by_a_filter(self, commandline: CommandLine, history: History) -> None:
        payment = history.authorize("order-1", "saga-1")
        with transaction(history.engine) as connection:
            for command in (Revert("saga-2", payment.payment_id), Release("saga-3", payment.payment_id, "r", "acct")):
                commands.add_open(connection, command, payment.payment_id, Arrival())
        commandline.run("command", "retry", "--payment", str(payment.payment_id), *WHY, "--yes")
        assert {act["correlation_id"] for act in audit(history)} == {"saga-2", "saga-3"}
