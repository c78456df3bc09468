"""The invariants, checked from outside: on the outbox, the transitions and Stripe's ledger alone."""

from collections import Counter, defaultdict
from typing import Any

from devstack.stripe_simulator.client import Effect
from service.domain.status import PaymentStatus, may_become
from tests.support.core import Core

ENDED = {"FAILED", "REVERTED"}
STRANGER = "acct_stranger"


def check_always(core: Core) -> None:
    """What holds at any moment, also in the middle of everything."""
    _one_outcome_a_command(core)
    _sequences_without_gaps(core)
    _transitions_are_chains(core)
    _effects_once(core)


def check_settled(core: Core) -> None:
    """What holds besides when every command is answered and Stripe has said all."""
    check_always(core)
    _every_command_is_answered(core)
    for payment in core.sql("SELECT * FROM payments"):
        _money_is_where_the_status_says(core, payment)
        books_agree(core, payment)


def _one_outcome_a_command(core: Core) -> None:
    told = Counter(event.answers for event in core.events() if event.answers is not None)
    assert {answers: times for answers, times in told.items() if times > 1} == {}


def _every_command_is_answered(core: Core) -> None:
    told = {event.answers for event in core.events()}
    rows = core.sql("SELECT command_type, correlation_id FROM commands WHERE command_type NOT LIKE '%cancel_hold'")
    accepted = {(row["command_type"], row["correlation_id"]) for row in rows}
    waiting = core.sql("SELECT command_type, correlation_id FROM commands WHERE state = 'waiting'")
    assert accepted - told == {(row["command_type"], row["correlation_id"]) for row in waiting}


def _sequences_without_gaps(core: Core) -> None:
    by_payment: dict[str, list[int | None]] = defaultdict(list)
    for event in core.events():
        if "ce_subject" in event.headers:
            by_payment[event.key].append(event.sequence)
    for key, sequences in by_payment.items():
        assert sequences == list(range(1, len(sequences) + 1)), key


def _transitions_are_chains(core: Core) -> None:
    at: dict[Any, str] = defaultdict(lambda: "INITIATING")
    for row in core.sql("SELECT * FROM payment_transitions ORDER BY id"):
        assert row["from_status"] == at[row["payment_id"]]
        assert may_become(PaymentStatus(row["from_status"]), PaymentStatus(row["to_status"]))
        at[row["payment_id"]] = row["to_status"]
    for payment in core.sql("SELECT payment_id, status FROM payments"):
        assert at[payment["payment_id"]] == payment["status"]


def _effects_once(core: Core) -> None:
    """What we do: per intent at most one hold and one end of it, per payment at most one of each that moves money.

    What was undone may be done again: a refund that failed, a transfer that was taken back.
    """
    standing: Counter[tuple[str, str | None]] = Counter()
    for entry in _without_strangers(core):
        whose = entry.payment_intent if entry.effect in {"hold", "cancel"} else entry.metadata.get("payment_id")
        if entry.effect in _UNDONE_BY:
            standing[_UNDONE_BY[entry.effect], whose] -= 1
        elif entry.by not in {"dashboard", "bank"}:
            standing[entry.effect, whose] += 1
            assert standing[entry.effect, whose] <= 1, entry


def _without_strangers(core: Core) -> list[Effect]:
    """Effects on what this service made: other programs name our payment without its order, or pay somebody else."""
    return [e for e in core.stripe.ledger() if "order_id" in e.metadata and e.destination != STRANGER]


_UNDONE_BY = {"refund_failure": "refund", "reversal": "transfer"}


def _money_is_where_the_status_says(core: Core, payment: dict[str, Any]) -> None:
    """By what Stripe did, strays included; what a bank or a failed refund left open is asked for before."""
    entries = [e for e in _without_strangers(core) if e.metadata.get("payment_id") == str(payment["payment_id"])]
    amounts = Counter[str]()
    for entry in entries:
        amounts[entry.effect] += entry.amount
    freed = {entry.charge for entry in entries if entry.effect in {"capture", "cancel"}}
    held = sum(entry.amount for entry in entries if entry.effect == "hold" and entry.charge not in freed)
    back = amounts["refund"] - amounts["refund_failure"] + amounts["dispute"] - amounts["dispute_reversal"]
    kept, sent = amounts["capture"] - back, amounts["transfer"] - amounts["reversal"]
    status = payment["status"]
    if status in ENDED:
        # A bank may take back more than is left; of a charge that it took a part of nothing can be refunded.
        lost = amounts["dispute"] > amounts["dispute_reversal"]
        assert (held, 0 if lost else max(kept, 0), sent) == (0, 0, 0), payment
    if status == "AUTHORIZED":
        assert (held + kept > 0, sent) == (True, 0), payment
    if status == "SUCCEEDED":
        assert kept > 0, payment
        assert (sent > 0) == bool(payment["stripe_transfer_id"] and not payment["stripe_reversal_id"]), payment


_SUM = {
    "hold": ("held", 1),
    "cancel": ("held", -1),
    "capture": ("captured", 1),
    "refund": ("refunded", 1),
    "refund_failure": ("refunded", -1),
    "dispute": ("disputed", 1),
    "dispute_reversal": ("disputed", -1),
    "transfer": ("transferred", 1),
    "reversal": ("reversed", 1),
}


def books_agree(core: Core, payment: dict[str, Any]) -> None:
    """What Stripe holds, took, gave back and sent equals what the record says, to the cent."""
    intent = payment["stripe_payment_intent_id"]
    sums = dict.fromkeys(("held", "captured", "refunded", "disputed", "transferred", "reversed"), 0)
    for entry in core.stripe.ledger():
        # A transfer made anew comes from no charge; a second intent of the payment is in no sum.
        named = entry.metadata.get("payment_id") == str(payment["payment_id"])
        if entry.payment_intent != intent and not (entry.payment_intent is None and named):
            continue
        name, sign = _SUM[entry.effect]
        sums[name] += sign * entry.amount
    if sums["captured"]:
        sums["held"] = 0
    assert {name: payment[name] for name in sums} == sums, payment
