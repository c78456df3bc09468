"""Operators resend, repair and discard dead letters. The question names each letter, and each act leaves a row."""

import json
from pathlib import Path
from uuid import uuid4

import pytest

from tests.integration.commandline.conftest import CommandLine
from tests.integration.commandline.history import History
from tests.integration.commandline.test_acts import WHY, audit

pytestmark = pytest.mark.postgres

LETTER = b'{"type": "release_payment", "correlation_id": "saga-9", "payment_id": "no-uuid"}'


class TestDeadLetters:
    def test_list_names_the_saga_and_the_fault(self, commandline: CommandLine, history: History) -> None:
        history.add_dead_letter(1204, LETTER)
        printed = commandline.run("dead-letter", "list").stdout
        assert "saga-9" in printed
        assert "the value is not JSON" in printed

    def test_question_names_the_dead_letter(self, commandline: CommandLine, history: History) -> None:
        history.add_dead_letter(1204, b"{")
        said = commandline.run("dead-letter", "discard", "1", *WHY, answer="n\n", code=1).stderr
        assert "Discard dead letter 1 (NOT_JSON, payment_commands/3@1204)?" in said

    def test_all_of_a_reason_are_discarded(self, commandline: CommandLine, history: History) -> None:
        for offset in range(3):
            history.add_dead_letter(offset, b"{")
        commandline.run("dead-letter", "discard", "--reason", "NOT_JSON", *WHY, answer="y\n")
        assert [act["dead_letter_id"] for act in audit(history)] == [1, 2, 3]
        assert commandline.json("dead-letter", "list") == []

    def test_repaired_message_is_sent(self, commandline: CommandLine, history: History, tmp_path: Path) -> None:
        history.add_dead_letter(1, LETTER)
        payment = history.authorize("order-1", "saga-1")
        mended = {**json.loads(LETTER), "payment_id": str(payment.payment_id), "runner_id": "r"}
        file = tmp_path / "mended.json"
        file.write_text(json.dumps(mended))
        words = ("dead-letter", "resend", "1", "--file", str(file), *WHY, "--yes")
        assert "still wrong: INVALID_PAYLOAD" in commandline.run(*words, code=1).stderr
        mended["runner_connect_account_id"] = "acct_1"
        file.write_text(json.dumps(mended))
        commandline.run(*words)
        (sent,) = commandline.json("outbox", "list", "--type", "dead_letter_retry")
        assert sent["value"] == mended
        (act,) = audit(history)
        assert (act["action"], act["detail"]["event_id"]) == ("dead_letter.resend", sent["event_id"])

    def test_what_is_no_text_is_sent_mended_or_not_at_all(
        self, commandline: CommandLine, history: History, tmp_path: Path
    ) -> None:
        history.add_dead_letter(1, b"\xff")
        history.add_dead_letter(2, b"{", key=b"a\0b")
        payment_id = str(history.authorize("order-1", "saga-1").payment_id)
        file = tmp_path / "mended.json"
        file.write_text(json.dumps({"type": "revert_payment", "correlation_id": "s", "payment_id": payment_id}))
        mended = ("--file", str(file), *WHY, "--yes")
        refused = "{}: its {} is no text; send it anew from where it came"
        said = commandline.run("dead-letter", "retry", "1", *WHY, "--yes", code=1).stderr
        assert refused.format("dead letter 1", "value") in said
        commandline.run("dead-letter", "resend", "1", *mended)
        for words in (("retry", "2", *WHY, "--yes"), ("resend", "2", *mended, "--force")):
            said = commandline.run("dead-letter", *words, code=1).stderr
            assert refused.format("dead letter 2", "key") in said

    def test_results_in_json_have_the_ids_of_lists(
        self, commandline: CommandLine, history: History, tmp_path: Path
    ) -> None:
        for offset in range(5):
            history.add_dead_letter(offset, b"{")
        ids = [each["id"] for each in commandline.json("dead-letter", "list")]
        payment_id = str(history.authorize("order-1", "saga-1").payment_id)
        file = tmp_path / "mended.json"
        file.write_text(json.dumps({"type": "revert_payment", "correlation_id": "s", "payment_id": payment_id}))
        mended = ("--file", str(file))
        results = [
            *commandline.json("dead-letter", "retry", "1", "2", *WHY, "--yes"),
            *commandline.json("dead-letter", "discard", "3", *WHY, "--yes"),
            *commandline.json("dead-letter", "discard", "--reason", "NOT_JSON", "--until", "0s", *WHY, "--yes"),
        ]
        assert results == [
            {"id": 1, "result": "sent again"},
            {"id": 2, "result": "sent again"},
            {"id": 3, "result": "discarded"},
            {"id": 4, "result": "discarded"},
            {"id": 5, "result": "discarded"},
        ]
        assert sorted(ids) == [each["id"] for each in results]
        history.add_dead_letter(6, b"{")
        resent = commandline.json("dead-letter", "resend", "6", *mended, *WHY, "--yes")
        assert resent == [{"id": 6, "result": "sent mended"}]

    def test_answered_correlation_id_needs_a_new_one(
        self, commandline: CommandLine, history: History, tmp_path: Path
    ) -> None:
        history.refuse("saga-9", "release_payment")
        history.add_dead_letter(1, LETTER)
        file = tmp_path / "mended.json"
        whole = {"payment_id": str(uuid4()), "runner_id": "r", "runner_connect_account_id": "acct_1"}
        file.write_text(json.dumps({**json.loads(LETTER), **whole}))
        words = ("dead-letter", "resend", "1", "--file", str(file), *WHY, "--yes")
        assert "give it a correlation id of its own" in commandline.run(*words, code=1).stderr
        commandline.run(*words, "--force")

    def test_message_can_be_repaired_in_the_editor(
        self, commandline: CommandLine, history: History, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        history.add_dead_letter(1, b'{"type": "revert_payment", "correlation_id": "s", "payment_id": "ID"}')
        payment_id = str(history.authorize("order-1", "saga-1").payment_id)
        monkeypatch.setenv("EDITOR", f"sed -i s/ID/{payment_id}/")
        commandline.run("dead-letter", "resend", "1", *WHY, "--yes")
        (sent,) = commandline.json("outbox", "list", "--type", "dead_letter_retry")
        assert sent["value"]["payment_id"] == payment_id

    def test_message_from_stdin_needs_yes(self, commandline: CommandLine, history: History) -> None:
        """The input that would answer the question is the message."""
        history.add_dead_letter(1, b"{")
        payment_id = str(history.authorize("order-1", "saga-1").payment_id)
        mended = json.dumps({"type": "revert_payment", "correlation_id": "s", "payment_id": payment_id})
        words = ("dead-letter", "resend", "1", "--file", "-", *WHY)
        said = commandline.run(*words, answer=mended, code=2).stderr
        assert "--yes" in said
        assert "?" not in said
        commandline.run(*words, "--yes", answer=mended)
        (sent,) = commandline.json("outbox", "list", "--type", "dead_letter_retry")
        assert sent["value"] == json.loads(mended)
