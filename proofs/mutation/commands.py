"""What a command's one effect and one outcome rest on."""

from proofs.mutation import guarantees as g
from proofs.mutation.mechanism import Change, Mechanism

_CORE = "tests/integration/core"
_EVERY_POINT = "tests/crash/test_every_point.py::test_a_process_killed_here_leaves_nothing_undone_and_nothing_doubled"
_RANDOM_KEY = Change(
    "service/usecases/attempt.py",
    'return f"{command.type}:{digest}:{step}:{generation}"',
    "return __import__('secrets').token_hex(20)",
)

MECHANISMS = (
    Mechanism(
        "idempotency-keys",
        g.EFFECT_ONCE,
        "idempotency keys are random, not derived from the command",
        (_RANDOM_KEY,),
        (
            f"{_CORE}/test_faults.py::test_flow_with_a_fault_ends_like_the_flow_without[payment_intents.create-_authorize-drop_after]",
        ),
    ),
    Mechanism(
        "idempotency-keys-killed",
        g.EFFECT_ONCE,
        "the same, and the process dies between the call and its record",
        (_RANDOM_KEY,),
        (f"{_EVERY_POINT}[create_intent.after_call]",),
    ),
    Mechanism(
        "command-key",
        g.EFFECT_ONCE,
        "correlation id and type are no key of the idempotency table",
        (
            Change(
                "migrations/versions/0004_refusals.py",
                '{"pk_commands": ("UNIQUE", ("correlation_id", "command_type"), "")}',
                '{"pk_commands": ("UNIQUE", ("arrival",), "")}',
            ),
        ),
        (f"{_CORE}/test_duplicates.py::test_redelivered_command_has_no_second_effect",),
    ),
    Mechanism(
        "look-before-new-key",
        g.EFFECT_ONCE,
        "a new key is used without a look after a stored 5xx",
        (
            Change(
                "service/usecases/call.py",
                "found = look(gateway, attempt)\n            return NotDone()",
                "found = None if mode is Mode.LOOK else look(gateway, attempt)\n            return NotDone()",
            ),
        ),
        (
            f"{_CORE}/test_faults.py::test_flow_with_a_fault_ends_like_the_flow_without[payment_intents.create-_authorize-error_after]",
        ),
    ),
    Mechanism(
        "stored-fault",
        g.UNKNOWN,
        "after a stored 5xx the same key is tried again and again",
        (
            Change(
                "service/usecases/record_result.py",
                "mode = Mode.LOOK if spoiled else claim.call.mode",
                "mode = claim.call.mode",
            ),
        ),
        (
            f"{_CORE}/test_faults.py::test_flow_with_a_fault_ends_like_the_flow_without[payment_intents.create-_authorize-error_after]",
        ),
    ),
    Mechanism(
        "old-key",
        g.EFFECT_ONCE,
        "a key is trusted however old it is",
        (
            Change(
                "service/domain/progress.py",
                "if progress.mode == Mode.LOOK or now - progress.step_started_at > KEY_LIFETIME:",
                "if progress.mode == Mode.LOOK:",
            ),
        ),
        (
            f"{_CORE}/test_old_attempts.py::test_step_with_a_forgotten_key_begins_with_a_look[transfers.create-drop_after]",
        ),
    ),
    Mechanism(
        "deadline-looks",
        g.UNKNOWN,
        "past its deadline a command acts again instead of looking",
        (Change("service/domain/progress.py", "return Call(call.step, Mode.LOOK_ONLY)", "return call"),),
        (f"{_CORE}/test_old_attempts.py::test_step_found_not_done_past_the_deadline_fails_for_good",),
    ),
    Mechanism(
        "deadline-asks-first",
        g.UNKNOWN,
        "past its deadline a command is given up without a look",
        (
            Change(
                "service/usecases/call.py",
                "found = look(gateway, attempt)\n            return NotDone()",
                "found = None if mode is Mode.LOOK_ONLY else look(gateway, attempt)\n            return NotDone()",
            ),
        ),
        (f"{_CORE}/test_old_attempts.py::test_step_found_done_past_the_deadline_succeeds",),
    ),
    Mechanism(
        "look-answered",
        g.UNKNOWN,
        "a look that Stripe does not answer counts as one that found nothing",
        (
            Change(
                "service/usecases/call.py",
                "        return answer\n",
                "        return answer if mode is Mode.ACT else NotDone()\n",
            ),
        ),
        (f"{_CORE}/test_old_attempts.py::test_command_is_not_answered_while_its_look_fails",),
    ),
    Mechanism(
        "unknown-is-no-refusal",
        g.UNKNOWN,
        "a dropped connection is told as a refusal",
        (
            Change(
                "service/gateway/faults.py",
                "return StripeUnknownError(str(answer.error.user_message))",
                "return StripeRefusedError(str(answer.error.user_message), kind='api_error')",
            ),
        ),
        (
            f"{_CORE}/test_faults.py::test_flow_with_a_fault_ends_like_the_flow_without[payment_intents.create-_authorize-drop_before]",
        ),
    ),
    Mechanism(
        "look-behind-a-refusal",
        g.EFFECT_ONCE,
        "a refusal is believed though the effect may stand already",
        (
            Change(
                "service/usecases/call.py",
                'if refusal.kind == "card_error":',
                "if refusal.kind:",
            ),
        ),
        (f"{_CORE}/test_outside.py::TestDashboard::test_release_after_a_capture_only_transfers[webhook late]",),
    ),
    Mechanism(
        "outcome-id",
        g.ONE_OUTCOME,
        "an outcome's event id is random",
        (
            Change(
                "service/domain/messages.py",
                'return uuid5(_NAMESPACE, f"outcome\\0{key.command_type}\\0{key.correlation_id}")',
                "return __import__('uuid').uuid4()",
            ),
        ),
        ("tests/unit/domain/test_messages.py",),
    ),
    Mechanism(
        "event-id-index",
        g.ONE_OUTCOME,
        "the outbox takes an event id twice",
        (
            Change(
                "migrations/versions/0001_initial.sql",
                "CREATE UNIQUE INDEX uq_outbox_event_id",
                "CREATE INDEX uq_outbox_event_id",
            ),
        ),
        (
            f"{_CORE}/test_schema.py::TestTheDatabaseRefuses::"
            "test_second_outcome_of_a_command_and_second_event_with_a_sequence",
        ),
    ),
    Mechanism(
        "revert-answers-both",
        g.ONE_OUTCOME,
        "a revert answers itself only, and not the open authorize",
        (
            Change(
                "service/domain/commands/revert.py",
                "(events.failed(done, events.authorize_of(done), events.CANCELED), answer))",
                "(answer,))",
            ),
        ),
        (f"{_CORE}/test_races.py::TestRevertOfAnAuthorizeUnderWay::test_authorize_in_flight",),
    ),
)
