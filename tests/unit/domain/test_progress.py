"""The way and time of a command's next step after a fault or a crash, and the order of commands."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise, product
from typing import Any

import pytest

from service.domain.commands.catalog import StoredCommand
from service.domain.next_step import Call, Mode, Step
from service.domain.progress import (
    KEY_LIFETIME,
    LONGEST_BACKOFF,
    CommandState,
    Progress,
    is_blocked,
    pause_before_next,
    resume,
)
from tests.unit.domain.facts import AUTHORIZE, HOLD, NOW, POLICY, RELEASE, REVERT, progress

HOUR = timedelta(hours=1)
DEADLINE = 2 * HOUR


def _resumed(command: StoredCommand, call: Call, recovery_point: str, *, age: timedelta, **more: Any) -> Call:
    """The call after ``age`` since acceptance and since the step was begun."""
    begun = progress(command, recovery_point, **{"step_started_at": NOW, **more})
    return resume(begun, call, NOW + age, DEADLINE, POLICY)


class TestResume:
    @pytest.mark.parametrize("recovery_point", ["accepted", "waiting", "capture:act", "capture:look"])
    @pytest.mark.parametrize("age", [timedelta(), 3 * HOUR, 48 * HOUR])
    def test_new_step_is_done(self, recovery_point: str, age: timedelta) -> None:
        call = Call(Step.TRANSFER)
        assert _resumed(RELEASE, call, recovery_point, age=age) == call
        assert _resumed(RELEASE, call, "transfer:act", age=age, step_started_at=None) == call

    @pytest.mark.parametrize("step", Step)
    def test_repeatable_step_after_a_restore_begins_with_a_look(self, step: Step) -> None:
        careful, begun = replace(POLICY, look_first=True), progress(RELEASE, "accepted")
        twice = step in {Step.CREATE_INTENT, Step.TRANSFER}
        assert resume(begun, Call(step), NOW, DEADLINE, careful) == Call(step, Mode.LOOK if twice else Mode.ACT)
        # Once the step was looked for and begun, its key is enough: a look might miss a request still under way.
        begun = progress(RELEASE, f"{step}:act", step_started_at=NOW)
        assert resume(begun, Call(step), NOW + HOUR, DEADLINE, careful) == Call(step)

    @pytest.mark.parametrize(("command", "step"), [(RELEASE, Step.CAPTURE), (REVERT, Step.REFUND), (HOLD, Step.CANCEL)])
    def test_young_step_is_repeated_under_its_key(self, command: StoredCommand, step: Step) -> None:
        assert _resumed(command, Call(step), f"{step}:act", age=HOUR) == Call(step)

    def test_step_with_a_spoiled_key_begins_with_a_look(self) -> None:
        assert _resumed(RELEASE, Call(Step.CAPTURE), "capture:look", age=HOUR) == Call(Step.CAPTURE, Mode.LOOK)

    def test_step_with_an_old_key_begins_with_a_look(self) -> None:
        def at(age: timedelta) -> Call:
            begun = progress(HOLD, "cancel:act", step_started_at=NOW)
            return resume(begun, Call(Step.CANCEL), NOW + age, DEADLINE, POLICY)

        assert at(KEY_LIFETIME) == Call(Step.CANCEL)
        assert at(KEY_LIFETIME + timedelta(seconds=1)) == Call(Step.CANCEL, Mode.LOOK)
        assert timedelta(hours=24) > KEY_LIFETIME

    @pytest.mark.parametrize("mode", Mode)
    @pytest.mark.parametrize(
        ("command", "step", "ends"),
        [
            (AUTHORIZE, Step.CREATE_INTENT, True),
            (AUTHORIZE, Step.CANCEL, False),
            (RELEASE, Step.CAPTURE, True),
            (RELEASE, Step.TRANSFER, True),
            (REVERT, Step.CANCEL, True),
            (REVERT, Step.REVERSE, True),
            (REVERT, Step.REFUND, True),
            (HOLD, Step.CANCEL, False),
            (HOLD, Step.REFUND, False),
        ],
    )
    def test_step_past_the_deadline_is_only_looked_for(
        self, command: StoredCommand, step: Step, ends: bool, mode: Mode
    ) -> None:
        past = _resumed(command, Call(step), f"{step}:{mode}", age=DEADLINE + timedelta(seconds=1))
        assert (past.mode is Mode.LOOK_ONLY) == ends
        assert _resumed(command, Call(step), f"{step}:{mode}", age=DEADLINE).mode is not Mode.LOOK_ONLY

    @pytest.mark.parametrize("command", [HOLD, REVERT])
    def test_step_other_than_the_begun_one_is_done(self, command: StoredCommand) -> None:
        assert _resumed(command, Call(Step.CANCEL), "refund:look", age=HOUR) == Call(Step.CANCEL)


class TestBackoff:
    def test_backoff_doubles_up_to_a_minute(self) -> None:
        waits = [pause_before_next(attempts, None, 1.0) for attempts in range(20)]
        assert waits[:4] == [0.5, 1.0, 2.0, 4.0]
        assert all(earlier <= later for earlier, later in pairwise(waits))
        assert waits[-1] == LONGEST_BACKOFF == 60.0

    @pytest.mark.parametrize("attempts", [0, 3, 100])
    def test_backoff_is_spread_over_its_upper_half(self, attempts: int) -> None:
        whole = pause_before_next(attempts, None, 1.0)
        assert pause_before_next(attempts, None, 0.0) == whole / 2
        assert whole / 2 < pause_before_next(attempts, None, 0.3) < whole

    def test_retry_after_of_stripe_replaces_the_backoff(self) -> None:
        assert pause_before_next(7, 3.0, 0.25) == 3.25


def _waiting() -> Progress:
    return progress(AUTHORIZE, "waiting", state="waiting", arrival=1)


class TestBlocked:
    def test_single_command_is_not_blocked(self) -> None:
        assert not any(is_blocked(me, []) for me in (_waiting(), progress(), progress(HOLD)))

    @pytest.mark.parametrize("mine", [RELEASE, REVERT, HOLD])
    @pytest.mark.parametrize("leased", [False, True])
    def test_earlier_command_blocks(self, mine: StoredCommand, leased: bool) -> None:
        me = progress(mine, arrival=2)
        assert is_blocked(me, [progress(arrival=1, leased=leased)])
        assert is_blocked(me, [progress(arrival=3, leased=leased)]) == leased

    @pytest.mark.parametrize("leased", [False, True])
    def test_cancel_hold_blocks_only_while_leased(self, leased: bool) -> None:
        hold = progress(HOLD, arrival=1, leased=leased)
        assert is_blocked(progress(arrival=2), [hold]) == leased
        assert is_blocked(_waiting(), [hold]) == leased

    def test_waiting_authorize_is_blocked_by_any_command(self) -> None:
        assert not is_blocked(progress(REVERT, arrival=2), [_waiting()])
        assert is_blocked(_waiting(), [progress(REVERT, arrival=2)])

    def test_pending_authorize_is_not_blocked_by_later_commands(self) -> None:
        assert is_blocked(progress(REVERT, arrival=2), [replace(_waiting(), state=CommandState.PENDING)])

    def test_commands_never_block_each_other_mutually(self) -> None:
        """One of any open commands may continue, unless a command has a lease."""
        open_ones = [_waiting(), *(progress(c, arrival=n) for n, c in enumerate((HOLD, RELEASE, REVERT, HOLD), 2))]
        for chosen in product((False, True), repeat=len(open_ones)):
            present = [one for one, here in zip(open_ones, chosen, strict=True) if here]
            free = [me for me in present if not is_blocked(me, [other for other in present if other is not me])]
            assert bool(free) == bool(present)
