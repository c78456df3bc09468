"""What keeps money where it belongs when others move it too, or write our ids into theirs."""

from sabotage import guarantees as g
from sabotage.mechanism import Change, Mechanism

_CORE = "tests/integration/core"
_DOUBT = f"{_CORE}/test_charge_in_doubt.py"
_FOREIGN = f"{_CORE}/test_foreign.py"
_OURS = "service/domain/ours.py"
_STEPS = "service/usecases/steps.py"

MECHANISMS = (
    Mechanism(
        "refunded-charge",
        g.NOT_PAID_TWICE,
        "a refund of the charge does not keep the transfer back",
        (Change(_STEPS, "if intent.charge is not None and intent.charge.refunded:", "if intent.charge is None:"),),
        (f"{_DOUBT}::test_nothing_is_transferred_of_a_charge_that_was_refunded",),
    ),
    Mechanism(
        "disputed-charge",
        g.NOT_PAID_TWICE,
        "a dispute of the charge does not keep the transfer back",
        (Change(_STEPS, "and gateway.is_disputed(charge.id):", "and not gateway.is_disputed(charge.id):"),),
        (f"{_DOUBT}::test_nothing_is_transferred_while_the_charge_is_disputed",),
    ),
    Mechanism(
        "foreign-intent",
        g.OURS,
        "an intent is ours because it names our payment",
        (
            Change(
                _OURS,
                "        if (intent.amount, intent.currency) != (payment.amount, payment.currency):\n"
                "            return Foreign.AMOUNT\n",
                "",
            ),
        ),
        (f"{_FOREIGN}::test_an_intent_that_is_not_as_we_would_have_made_it_is_left_alone",),
    ),
    Mechanism(
        "foreign-event",
        g.OURS,
        "an event of another account or mode is applied",
        (Change(_OURS, "        if event.account is not None:\n            return Foreign.ACCOUNT\n", ""),),
        (f"{_FOREIGN}::test_an_event_of_another_account_or_mode_changes_nothing",),
    ),
)
