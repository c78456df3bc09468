"""The cost of a command and of a webhook in SQL. A number may grow by decision, but not by accident.

Round trips are counted: statements sent together count once. Each transaction adds its BEGIN and COMMIT on the wire.
"""

from dataclasses import replace
from uuid import UUID

import pytest

from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.domain.stripe_objects import StripeEvent
from tests.support.core import CHALLENGED, RUNNER, Core, authorization
from tests.support.statements import Statements

pytestmark = pytest.mark.postgres


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Statements:
    """The counter; request it before ``core``, because it counts connections made after it."""
    return Statements(monkeypatch)


def test_authorize(statements: Statements, core: Core) -> None:
    core.authorize("warm-up", "order-0")
    with statements.of_this_thread() as counted:
        core.handle(authorization("c-auth", "order-1"))
    assert counted.numbers == (4, 2), counted.statements


def test_release(statements: Statements, core: Core) -> None:
    payment = core.authorize()
    with statements.of_this_thread() as counted:
        core.handle(Release("c-release", payment, "runner-1", RUNNER))
    assert counted.numbers == (12, 3), counted.statements


def test_revert_before_capture(statements: Statements, core: Core) -> None:
    payment = core.authorize()
    with statements.of_this_thread() as counted:
        core.handle(Revert("c-revert", payment, None))
    assert counted.numbers == (9, 2), counted.statements


def test_revert_after_release(statements: Statements, core: Core) -> None:
    payment = core.authorize()
    core.release(payment)
    with statements.of_this_thread() as counted:
        core.handle(Revert("c-revert", payment, None))
    assert counted.numbers == (12, 3), counted.statements


def test_duplicate_command(statements: Statements, core: Core) -> None:
    core.authorize()
    with statements.of_this_thread() as counted:
        core.handle(authorization("c-auth", "order-1"))
    assert counted.numbers == (4, 1), counted.statements


def test_webhook_that_changes_a_payment(statements: Statements, core: Core) -> None:
    payment = _challenged_and_passed(core)
    *_, held = core.stripe_events(core.intent(payment))
    with statements.of_this_thread() as counted:
        assert core.webhooks.receive(held) == "applied"
    assert counted.numbers == (3, 1), counted.statements


def test_webhook_that_changes_nothing(statements: Statements, core: Core) -> None:
    event = core.stripe_events(core.intent(core.authorize()))[-1]
    with statements.of_this_thread() as counted:
        assert core.webhooks.receive(event) == "no_change"
    assert counted.numbers == (2, 1), counted.statements


def test_webhook_that_is_only_recorded(statements: Statements, core: Core) -> None:
    event = StripeEvent("evt_1", "charge.updated", None, "ch_1", None)
    core.webhooks.receive(replace(event, id="warm-up"))
    with statements.of_this_thread() as counted:
        assert core.webhooks.receive(event) == "ignored"
    assert counted.numbers == (1, 0), counted.statements
    assert core.webhooks.receive(event) == "duplicate"


def _challenged_and_passed(core: Core) -> UUID:
    payment = core.authorize(card=CHALLENGED)
    core.stripe.finish_challenge(core.intent(payment))
    return payment
