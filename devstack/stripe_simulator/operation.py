"""An API operation: its handler, and the check of its parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from devstack.stripe_simulator.errors import InvalidParameterError, unsupported
from devstack.stripe_simulator.expand import check_paths
from devstack.stripe_simulator.schema import check, params_of
from devstack.stripe_simulator.state import Call, State
from devstack.stripe_simulator.wire import Json

Handler = Callable[[State, Call], Json]

_METHOD_TYPES = "payment_method_types"
_METHOD_TYPES_GONE_SINCE = "2026-09-30"
"""First API version that refuses `payment_method_types` (changelog, Endive: "Removes the payment method types
parameter from Payment Intents and Setup Intents"); `allowed_payment_method_types` replaced it."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One endpoint. It refuses parameters that Stripe knows and the simulator has not `implemented`."""

    name: str
    handler: Handler
    params_class: str
    implemented: frozenset[str]

    def check(self, given: Json, stripe_version: str) -> Json:
        """The parameters with their types.

        Raises:
            InvalidParameterError: raised before the endpoint runs, so nothing is stored under the key.
        """
        method_types = given.pop(_METHOD_TYPES, None) if self.name in _TAKES_METHOD_TYPES else None
        params = check(params_of(self.params_class), given)
        for name in params:
            if name not in self.implemented:
                raise unsupported(name)
        check_paths(self.name, params.get("expand", []))
        if method_types is not None:
            params[_METHOD_TYPES] = _method_types(method_types, stripe_version)
        return params


_TAKES_METHOD_TYPES = frozenset({"payment_intents.create"})


def _method_types(given: Any, stripe_version: str) -> list[str]:
    if stripe_version >= _METHOD_TYPES_GONE_SINCE:
        raise InvalidParameterError(
            "`payment_method_types` is no longer supported in this API version. Use dynamic payment methods, "
            "or `allowed_payment_method_types`.",
            code="payment_method_types_no_longer_supported",
            param=_METHOD_TYPES,
        )
    if not isinstance(given, dict):
        raise InvalidParameterError("Invalid array", param=_METHOD_TYPES)
    return [given[key] for key in sorted(given)]
