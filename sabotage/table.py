"""Every mechanism, by name."""

from sabotage import commands, consumers, leases, log, payments, proofs, relays
from sabotage.mechanism import Mechanism

GROUPS: tuple[tuple[Mechanism, ...], ...] = (
    commands.MECHANISMS,
    leases.MECHANISMS,
    payments.MECHANISMS,
    consumers.MECHANISMS,
    log.MECHANISMS,
    relays.MECHANISMS,
    proofs.MECHANISMS,
)

MECHANISMS = {mechanism.name: mechanism for group in GROUPS for mechanism in group}
