"""Stripe's request ids and the Kafka record of each command, in the payment's timeline."""

from typing import Any
from uuid import UUID

import pytest

from devstack.stripe_simulator.client import SimulatorControl
from service.gateway.direct import DirectHttpClient
from service.gateway.stripe_gateway import StripeGateway
from service.storage.engine import refuse_inside_transaction
from service.storage.operator_reads import payments_called
from service.storage.operator_session import reading
from service.usecases.operations.timeline import timeline
from tests.integration.core.hooked_gateway import HookedGateway
from tests.support.core import CHALLENGED, DECLINED, VISA, Core, core_settings, running_core

pytestmark = pytest.mark.postgres

HOSTILE = "\0\x1b[31m<script>\u202e" + "x" * 10_000


def _entries(core: Core, payment: UUID, source: str) -> list[dict[str, Any]]:
    with reading(core.database) as connection:
        (found,) = payments_called(connection, str(payment))
        listed = [entry.as_record() for entry in timeline(connection, found)]
    return [entry for entry in listed if entry["source"] == source]


def _calls(core: Core, payment: UUID) -> list[tuple[str, list[str]]]:
    """Each recorded call of the payment: step and mode, and Stripe's request ids."""
    found = _entries(core, payment, "call")
    return [(entry["what"], [each["request_id"] for each in entry["requests"]]) for entry in found]


def _ids(stripe: SimulatorControl, operation: str) -> list[str]:
    return [entry["request_id"] for entry in stripe.requests(operation)]


def test_each_step_names_its_requests(core: Core) -> None:
    payment = core.authorize()
    core.release(payment)
    core.revert(payment)
    calls, stripe = dict(_calls(core, payment)), core.stripe
    assert [*calls] == ["create_intent", "capture", "transfer", "reverse_transfer", "refund"]
    assert calls["create_intent"] == _ids(stripe, "payment_intents.create")
    assert calls["capture"] == _ids(stripe, "payment_intents.capture")
    assert calls["transfer"][-1:] == _ids(stripe, "transfers.create")
    assert calls["reverse_transfer"][-1:] == _ids(stripe, "transfers.reversals.create")
    assert calls["refund"][-1:] == _ids(stripe, "refunds.create")
    assert {id_ for ids in calls.values() for id_ in ids} == {entry["request_id"] for entry in stripe.requests()}


def test_a_call_has_the_moment_of_the_money_that_it_moved(core: Core) -> None:
    payment = core.authorize()
    (call,), (hold,) = _entries(core, payment, "call"), _entries(core, payment, "money")
    assert call["at"] == hold["at"]
    assert call["correlation_id"] == "c-auth"
    (request,) = call["requests"]
    assert (request["operation"], request["result"]) == ("payment_intents.create", "ok")


def test_a_refusal_names_its_request(core: Core) -> None:
    payment = core.authorize(card=DECLINED)
    (call,) = _entries(core, payment, "call")
    assert call["requests"][0]["result"] == "refused"
    assert call["requests"][0]["request_id"] in _ids(core.stripe, "payment_intents.create")


def test_a_passing_fault_names_its_request_and_so_does_the_look_after_it(core: Core) -> None:
    core.stripe.fault("error_after", "payment_intents.create")
    payment = core.authorize()
    ((first, failed),) = _calls(core, payment)
    assert (first, failed) == ("create_intent", _ids(core.stripe, "payment_intents.create"))
    core.settle()
    assert [what for what, _ in _calls(core, payment)] == ["create_intent", "create_intent: look"]
    assert _calls(core, payment)[0] == (first, failed)


def test_a_request_without_an_answer_has_no_id(core: Core) -> None:
    core.stripe.fault("drop_before", "payment_intents.create")
    (call,) = _entries(core, core.authorize(), "call")
    assert call["requests"] == [{"operation": "payment_intents.create", "result": "no_answer", "request_id": None}]


def test_a_call_that_a_webhook_overtook_is_in_the_timeline(hooked_core: Core, gateway: HookedGateway) -> None:
    """The webhook answers the command first, so the command's lease is over when Stripe's answer is recorded."""
    core = hooked_core
    gateway.after["create_intent"] = lambda: _hear(core)
    payment = core.authorize()
    assert _calls(core, payment) == [("create_intent", _ids(core.stripe, "payment_intents.create"))]


def _hear(core: Core) -> None:
    core.deliver(*core.owed())


def test_many_attempts_keep_the_first_and_the_last(core: Core) -> None:
    core.stripe.fault("error_before", "*", times=None)
    payment = core.authorize()
    for _ in range(30):
        core.hurry()
        core.complete()
    asked = [entry["request_id"] for entry in core.stripe.requests()]
    calls = [id_ for _, ids in _calls(core, payment) for id_ in ids]
    assert len(calls) <= 20 < len(asked)
    assert (calls[0], calls[-1]) == (asked[0], asked[-1])
    core.stripe.clear_faults()
    core.settle()


def test_a_command_names_the_record_that_it_came_with(core: Core) -> None:
    payment = core.authorize()
    core.authorize()
    core.release(payment)
    found = [(entry["topic"], entry["partition"], entry["offset"]) for entry in _entries(core, payment, "command")]
    assert found == [("payment_commands", 0, 1), ("payment_commands", 0, 3)]


def test_commands_about_no_payment_and_of_a_taken_order_name_their_records(core: Core) -> None:
    core.authorize(card=CHALLENGED)
    core.authorize("c-second")
    core.release(UUID(int=1), "c-nowhere")
    assert core.sql("SELECT correlation_id, origin_offset FROM commands ORDER BY arrival") == [
        {"correlation_id": "c-auth", "origin_offset": 1},
        {"correlation_id": "c-second", "origin_offset": 2},
        {"correlation_id": "c-nowhere", "origin_offset": 3},
    ]


def test_a_command_of_the_service_itself_names_no_record(core: Core) -> None:
    payment = core.authorize()
    core.late_intent(payment)
    core.hear()
    own = [entry for entry in _entries(core, payment, "command") if entry["what"].startswith("cancel_hold")]
    assert [(entry["topic"], entry["partition"], entry["offset"]) for entry in own] == [(None, None, None)]


class _Hostile(DirectHttpClient):
    """A proxy in Stripe's place."""

    def request(self, *args: Any, **more: Any) -> Any:
        content, status, _ = super().request(*args, **more)
        return content, status, {"Request-Id": HOSTILE, "request-id": HOSTILE}


@pytest.mark.parametrize("card", [VISA, DECLINED])
def test_a_hostile_request_id_is_kept_short_and_harmless(
    emptied_database: str, simulated_stripe: SimulatorControl, card: str
) -> None:
    settings = core_settings(emptied_database, simulated_stripe.base_url)
    transport = _Hostile(simulated_stripe.base_url, seconds=5, size=2)
    gateway = StripeGateway(settings, refuse_inside_transaction, http_client=transport)
    with running_core(emptied_database, simulated_stripe, gateway) as core:
        payment = core.authorize(card=card)
        simulated_stripe.fault("error_after", "*")
        core.revert(payment, "c-revert")
        core.settle()
        kept = {id_ for _, ids in _calls(core, payment) for id_ in ids}
        assert core.command("c-revert", "revert_payment")["state"] == "done"
    (one,) = kept
    assert one.startswith(r"\x00\x1b[31m<script>")
    assert len(one) == 64
    assert one.isprintable()
