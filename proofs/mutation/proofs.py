"""What shows that damage would be seen: the operators' audit, the chaos counters, completeness of crash points."""

from proofs.mutation import guarantees as g
from proofs.mutation.mechanism import Change, Mechanism

_AUDIT = "tests/integration/relay/test_audit.py"
_DAMAGE = "tests/crash/test_audit.py::test_damage_is_found"
_KIT = "tests/crash/test_completeness.py"


def _uncounted(name: str, what: str, finder: str, damage: str) -> Mechanism:
    """The chaos run's audit without one of its findings."""
    change = Change(
        "proofs/chaos/audit.py",
        f"def {finder}(",
        f"def {finder}(*_: object) -> list[str]:\n    return []\n\n\ndef old(",
    )
    return Mechanism(name, g.ALL_AT_ONCE, f"the chaos run does not count {what}", (change,), (damage,))


MECHANISMS = (
    Mechanism(
        "audit-missing",
        g.PROVEN,
        "the audit finds nothing missing",
        (Change("relay/audit.py", "[Missing(*row) for row in comparison.ask(_MISSING)]", "[]"),),
        (
            f"{_AUDIT}::test_missing",
            "tests/integration/relay/test_audit_command.py::test_audit_finds_and_repairs_what_is_missing",
        ),
    ),
    Mechanism(
        "audit-uncompared",
        g.PROVEN,
        "the audit passes over what it could not compare",
        (Change("relay/audit.py", "[Uncompared(*row) for row in comparison.ask(_UNCOMPARED)]", "[]"),),
        (f"{_AUDIT}::test_what_retention_has_deleted_is_told_apart_from_what_is_missing",),
    ),
    Mechanism(
        "audit-doubled",
        g.PROVEN,
        "the audit finds nothing doubled",
        (Change("relay/audit.py", "[Doubled(*row) for row in comparison.ask(_DOUBLED)]", "[]"),),
        (f"{_AUDIT}::test_doubled",),
    ),
    Mechanism(
        "audit-out-of-order",
        g.PROVEN,
        "the audit finds nothing out of order",
        (Change("relay/audit.py", "[OutOfOrder(*row) for row in comparison.ask(_OUT_OF_ORDER)]", "[]"),),
        (f"{_AUDIT}::test_out_of_order",),
    ),
    _uncounted("chaos-unpublished", "rows that no topic holds", "_not_published", f"{_DAMAGE}[news not published]"),
    _uncounted("chaos-from-nowhere", "records of no outbox row", "_from_nowhere", f"{_DAMAGE}[an event from nowhere]"),
    _uncounted(
        "chaos-unanswered", "commands without an outcome", "_unanswered", f"{_DAMAGE}[a command without an outcome]"
    ),
    _uncounted("chaos-doubled", "records that came twice", "_published_twice", f"{_DAMAGE}[news published twice]"),
    _uncounted(
        "chaos-answered-twice",
        "commands answered twice",
        "_answered_twice",
        "tests/crash/test_audit.py::test_a_command_answered_twice_is_found",
    ),
    _uncounted("chaos-order", "order breaks", "_out_of_order", f"{_DAMAGE}[a gap in the sequence]"),
    Mechanism(
        "chaos-effects",
        g.ALL_AT_ONCE,
        "the chaos run does not count what was done twice at Stripe",
        (Change("proofs/chaos/audit.py", "double_effects=list(done_twice(evidence.effects))", "double_effects=[]"),),
        (f"{_DAMAGE}[two holds]",),
    ),
    _uncounted("chaos-sums", "sums that differ from Stripe's", "_differing", f"{_DAMAGE}[a cent refunded unknown]"),
    _uncounted("chaos-money", "money that is not where the payment says", "_misplaced", f"{_DAMAGE}[money of nobody]"),
    _uncounted(
        "chaos-transitions", "transitions not allowed", "_illegal", f"{_DAMAGE}[a transition that is not allowed]"
    ),
    _uncounted("chaos-open", "work left open", "_open", f"{_DAMAGE}[a lease left behind]"),
    _uncounted("chaos-forgotten", "rows that are gone", "_forgotten", f"{_DAMAGE}[a stranger's row that is gone]"),
    _uncounted(
        "chaos-refused", "good rows that were refused", "_refused_wrongly", f"{_DAMAGE}[a good row that was refused]"
    ),
    _uncounted("chaos-unheard", "commands that nobody read", "_unheard", f"{_DAMAGE}[a command that nobody read]"),
    Mechanism(
        "chaos-untold",
        g.ALL_AT_ONCE,
        "an outage that /ready does not tell does not count",
        (Change("proofs/chaos/readiness.py", "return named and (self.status == 503 or", "return True or ("),),
        ("tests/unit/chaos/test_readiness.py::test_another_answer_or_none_does_not",),
    ),
    Mechanism(
        "chaos-sagas",
        g.ALL_AT_ONCE,
        "a saga that heard a wrong answer, or none, does not count",
        (
            Change(
                "proofs/chaos/run.py", "return not self.failed and self.findings.clean", "return self.findings.clean"
            ),
        ),
        ("tests/crash/test_chaos_run.py::test_a_saga_gone_wrong_spoils_it_and_so_does_a_finding",),
    ),
    Mechanism(
        "chaos-findings",
        g.ALL_AT_ONCE,
        "what the audit finds does not count",
        (Change("proofs/chaos/run.py", "return not self.failed and self.findings.clean", "return not self.failed"),),
        ("tests/crash/test_chaos_run.py::test_a_saga_gone_wrong_spoils_it_and_so_does_a_finding",),
    ),
    Mechanism(
        "crash-points",
        g.ALL_AT_ONCE,
        "a process that was told to die lives on",
        (Change("runtime/crash_points.py", "os.kill(os.getpid(), signal.SIGKILL)", "os.getpid()"),),
        (f"{_KIT}::test_a_process_dies_where_it_was_told_to",),
    ),
    Mechanism(
        "step-points",
        g.ALL_AT_ONCE,
        "a step at Stripe may do without crash points",
        (
            Change(
                "service/usecases/step_points.py",
                "for step in Step for stage in Stage}",
                "for step in Step for stage in Stage if f'{step}.{stage}' in list(CrashPoint)}",
            ),
        ),
        (f"{_KIT}::test_a_step_without_points_cannot_be_imported",),
    ),
    Mechanism(
        "transaction-points",
        g.ALL_AT_ONCE,
        "a webhook's transaction has no crash point around it",
        (
            Change("service/usecases/stripe_events.py", "            reached(CrashPoint.WEBHOOK_BEFORE_COMMIT)\n", ""),
            Change("service/usecases/stripe_events.py", "        reached(CrashPoint.WEBHOOK_AFTER_COMMIT)\n", ""),
        ),
        (f"{_KIT}::test_every_transaction_of_a_use_case_has_points_or_a_reason_why_not",),
    ),
    Mechanism(
        "scenarios",
        g.ALL_AT_ONCE,
        "a crash point is passed by no flow of the kit",
        (Change("tests/crash/scenarios.py", "    ServicePoint.WEBHOOK_AFTER_COMMIT: _WEBHOOK,\n", ""),),
        (f"{_KIT}::test_every_point_has_a_scenario",),
    ),
    Mechanism(
        "effects-in-steps",
        g.ALL_AT_ONCE,
        "an effect at Stripe is made outside the steps that have crash points",
        (
            Change(
                "service/usecases/reconcile.py",
                "        payment, intent = found.payment, picture.intent\n",
                "        payment, intent = found.payment, picture.intent\n"
                "        self.gateway.cancel(intent.id, 'key', '') if dry_run is None else None\n",
            ),
        ),
        (f"{_KIT}::test_effects_at_stripe_are_made_by_steps_only",),
    ),
)
