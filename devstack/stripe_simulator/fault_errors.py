"""The errors with which faults answer."""

from __future__ import annotations

from collections.abc import Callable

from devstack.stripe_simulator import errors
from devstack.stripe_simulator.errors import RefusedError
from devstack.stripe_simulator.faults import Fault, Kind

_NOT_STARTED: dict[Kind, Callable[[Fault, str], RefusedError]] = {
    Kind.RATE_LIMIT: lambda fault, _key: errors.rate_limited(fault.retry_after),
    Kind.LOCK_TIMEOUT: lambda fault, _key: errors.lock_timeout(fault.retry_after),
    Kind.CONFLICT: lambda _fault, key: errors.key_in_use(key),
    Kind.DROP_BEFORE: lambda _fault, _key: errors.internal(),
}
_INSTEAD: dict[Kind, Callable[[Fault], RefusedError]] = {
    Kind.ERROR_BEFORE: lambda _fault: errors.internal(),
    Kind.REFUSE: lambda fault: RefusedError(fault.message, status=fault.status, type_=fault.type, code=fault.code),
}


def before_start(fault: Fault | None, key: str) -> None:
    """Raises RefusedError for a fault that prevents the start of the endpoint; nothing is stored."""
    if fault is not None and fault.kind in _NOT_STARTED:
        raise _NOT_STARTED[fault.kind](fault, key)


def instead(fault: Fault | None) -> None:
    """Raises RefusedError for a fault that replaces the endpoint's work; the error is stored."""
    if fault is not None and fault.kind in _INSTEAD:
        raise _INSTEAD[fault.kind](fault)
