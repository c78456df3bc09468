"""Every mechanism, by name."""

from proofs.mutation import (
    commands,
    consumers,
    edge,
    leases,
    log,
    memory,
    money,
    payments,
    pressure,
    proofs,
    readers,
    reading,
    relays,
    restores,
    schema,
    standing,
    transactions,
)
from proofs.mutation.mechanism import Mechanism

GROUPS: tuple[tuple[Mechanism, ...], ...] = (
    commands.MECHANISMS,
    transactions.MECHANISMS,
    leases.MECHANISMS,
    payments.MECHANISMS,
    money.MECHANISMS,
    restores.MECHANISMS,
    consumers.MECHANISMS,
    log.MECHANISMS,
    reading.MECHANISMS,
    relays.MECHANISMS,
    readers.MECHANISMS,
    standing.MECHANISMS,
    memory.MECHANISMS,
    pressure.MECHANISMS,
    edge.MECHANISMS,
    proofs.MECHANISMS,
    schema.MECHANISMS,
)

MECHANISMS = {mechanism.name: mechanism for group in GROUPS for mechanism in group}
