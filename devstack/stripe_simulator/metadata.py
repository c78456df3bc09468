"""Stripe's rules for metadata: 50 keys of 40 characters, values of 500; an empty value unsets a key ("Metadata")."""

from __future__ import annotations

from typing import Any

from devstack.stripe_simulator.errors import InvalidParameterError

_MAX_KEYS, _MAX_KEY, _MAX_VALUE = 50, 40, 500


def merge(current: dict[str, str], given: Any) -> dict[str, str]:
    """The metadata after an update; an empty string in place of all metadata clears them.

    Raises:
        InvalidParameterError: a limit is exceeded.
    """
    if given == "":
        return {}
    merged = {**current, **(given or {})}
    for key, value in merged.items():
        _check(key, value)
    kept = {key: value for key, value in merged.items() if value != ""}
    if len(kept) > _MAX_KEYS:
        raise InvalidParameterError(f"You can have up to {_MAX_KEYS} keys of metadata.", param="metadata")
    return kept


def _check(key: str, value: str) -> None:
    if len(key) > _MAX_KEY:
        text = f"Metadata keys can have up to {_MAX_KEY} characters."
        raise InvalidParameterError(text, param="metadata")
    if len(value) > _MAX_VALUE:
        raise InvalidParameterError(
            f"Metadata values can have up to {_MAX_VALUE} characters, but you passed in a value that is "
            f"{len(value)} characters.",
            param=f"metadata[{key}]",
        )
