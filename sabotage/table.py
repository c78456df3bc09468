"""Every mechanism, by name."""

from sabotage import commands, consumers, leases, log, memory, payments, proofs, relays, standing, transactions
from sabotage.mechanism import Mechanism

GROUPS: tuple[tuple[Mechanism, ...], ...] = (
    commands.MECHANISMS,
    transactions.MECHANISMS,
    leases.MECHANISMS,
    payments.MECHANISMS,
    consumers.MECHANISMS,
    log.MECHANISMS,
    relays.MECHANISMS,
    standing.MECHANISMS,
    memory.MECHANISMS,
    proofs.MECHANISMS,
)

MECHANISMS = {mechanism.name: mechanism for group in GROUPS for mechanism in group}
