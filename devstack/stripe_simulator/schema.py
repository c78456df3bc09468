"""The parameters that Stripe knows, from stripe-python's typed params, and the check against them."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any, Literal, Union, get_args, get_origin

from stripe import RequestOptions
from typing_extensions import get_type_hints, is_typeddict

from devstack.stripe_simulator.errors import InvalidParameterError, missing_parameter, unknown_parameters
from devstack.stripe_simulator.wire import Json

_INTEGER = re.compile(r"-?\d{1,18}")
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True)
class Shape:
    """The type of one parameter. If several parts are set, any of them is allowed."""

    scalars: frozenset[type] = frozenset()
    choices: frozenset[str] = frozenset()
    item: Shape | None = None
    fields: Mapping[str, Shape] | None = None
    required: frozenset[str] = field(default_factory=frozenset)
    free_hash: bool = False
    unsettable: bool = False


@cache
def params_of(class_name: str) -> Shape:
    """The shape of a typed params class in `stripe.params`: `PaymentIntentCreateParams`, `radar.…Params`."""
    area, _, class_name = class_name.rpartition(".")
    module = "_" + re.sub(r"(?<!^)(?=[A-Z])", "_", class_name).lower()
    return _hash_shape(getattr(import_module(".".join(filter(None, ("stripe.params", area, module)))), class_name))


def check(shape: Shape, params: Json) -> Json:
    """Convert form strings to the types Stripe expects.

    Raises:
        InvalidParameterError: an unknown, missing or malformed parameter, in Stripe's words.
    """
    return _check_hash(shape, params, "")


@cache
def _hash_shape(cls: type) -> Shape:
    inherited = RequestOptions.__annotations__ if _carries_options(cls) else {}
    own = {name: hint for name, hint in cls.__annotations__.items() if name not in inherited}
    holder = types.SimpleNamespace(__annotations__=own)
    hints = get_type_hints(holder, vars(sys.modules[cls.__module__]))
    required: frozenset[str] = getattr(cls, "__required_keys__", frozenset())
    return Shape(fields={name: _shape(hint) for name, hint in hints.items()}, required=required & frozenset(own))


def _carries_options(cls: type) -> bool:
    """Whether a params class carries the request options beside its parameters."""
    return frozenset(RequestOptions.__annotations__) <= frozenset(cls.__annotations__)


def _shape(hint: Any) -> Shape:
    if get_origin(hint) in (Union, types.UnionType):
        return _merge([_shape(part) for part in get_args(hint)])
    if get_origin(hint) is Literal:
        words = frozenset(str(word) for word in get_args(hint))
        return Shape(choices=words - {""}, unsettable="" in words)
    if get_origin(hint) is list:
        return Shape(item=_shape(get_args(hint)[0]))
    if get_origin(hint) is dict:
        return Shape(free_hash=True)
    if is_typeddict(hint):
        return _hash_shape(hint)
    return Shape(scalars=frozenset({hint}) if hint in (int, bool, str, float) else frozenset())


def _merge(parts: list[Shape]) -> Shape:
    choices = frozenset[str]().union(*(part.choices for part in parts))
    scalars = frozenset[type]().union(*(part.scalars for part in parts))
    hashes = [part for part in parts if part.fields is not None]
    return Shape(
        # The library types an enum as `Literal[...] | str`; Stripe accepts only the listed words.
        scalars=scalars - {str} if choices else scalars,
        choices=choices,
        item=next((part.item for part in parts if part.item), None),
        fields=hashes[0].fields if hashes else None,
        required=hashes[0].required if hashes else frozenset(),
        free_hash=any(part.free_hash for part in parts),
        unsettable=any(part.unsettable for part in parts),
    )


def _check_hash(shape: Shape, values: Json, prefix: str) -> Json:
    fields = shape.fields or {}
    if unknown := [_join(prefix, name) for name in values if name not in fields]:
        raise unknown_parameters(unknown)
    for name in sorted(shape.required):
        if name not in values:
            raise missing_parameter(_join(prefix, name))
    return {name: _check_value(fields[name], value, _join(prefix, name)) for name, value in values.items()}


def _check_value(shape: Shape, value: Any, name: str) -> Any:
    if isinstance(value, str):
        return _check_scalar(shape, value, name)
    if shape.item is not None and all(key.isdigit() for key in value):
        return [_check_value(shape.item, value[key], name) for key in sorted(value, key=int)]
    if shape.fields is not None:
        return _check_hash(shape, value, name)
    if shape.free_hash and all(isinstance(entry, str) for entry in value.values()):
        return value
    raise InvalidParameterError(f"Invalid {'array' if shape.item else 'string'}", param=name)


def _check_scalar(shape: Shape, value: str, name: str) -> Any:
    if value == "":
        return _empty(shape, name)
    if value in shape.choices or str in shape.scalars:
        return value
    if bool in shape.scalars and value in _BOOLEANS:
        return _BOOLEANS[value]
    if int in shape.scalars and _INTEGER.fullmatch(value):
        return int(value)
    raise _malformed(shape, value, name)


def _malformed(shape: Shape, value: str, name: str) -> InvalidParameterError:
    if int in shape.scalars:
        code = "parameter_invalid_integer"
        return InvalidParameterError(f"Invalid integer: {value}", code=code, param=name)
    if bool in shape.scalars:
        return InvalidParameterError(f"Invalid boolean: {value}", param=name)
    if shape.choices:
        words = ", ".join(sorted(shape.choices))
        return InvalidParameterError(f"Invalid {name}: must be one of {words}", param=name)
    return InvalidParameterError(f"Invalid {'array' if shape.item else 'object'}", param=name)


def _empty(shape: Shape, name: str) -> str:
    if shape.unsettable:
        return ""
    raise InvalidParameterError(
        f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a field; "
        f"however '{name}' cannot be unset. You should remove '{name}' from your request or supply a "
        "non-empty value.",
        code="parameter_invalid_empty",
        param=name,
    )


def _join(prefix: str, name: str) -> str:
    return f"{prefix}[{name}]" if prefix else name
