"""An operator's act: who does what to which object, through which channel, and why."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

LONGEST_NAME = 255
LONGEST_REASON = 1000
ACTION_NAME = "[a-z_]+[.][a-z_]+"
"""A regular expression, for Python and PostgreSQL: the kind of object and what is done to it, ``payment.revert``."""


class Channel(StrEnum):
    """The face of the service through which an operator acts."""

    CLI = "cli"
    PAGE = "page"
    HTTP = "http"


@dataclass(frozen=True, slots=True)
class Act:
    """An act, as its audit row keeps it. ``detail``: more about it, in JSON's types."""

    operator: str
    channel: Channel
    action: str
    reason: str
    payment_id: UUID | None = None
    correlation_id: str | None = None
    command_type: str | None = None
    dead_letter_id: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises ValueError for an action that is no name: a fault in this code."""
        if re.fullmatch(ACTION_NAME, self.action) is None:
            raise ValueError(f"{self.action!r} names no action")


@dataclass(frozen=True, slots=True)
class Grounds:
    """Who acts, through which channel, and why: the part that all acts of one request share.

    ``operator``: the name of an API token, or the one that the command line was given. Raises ValueError for a name
    that has not 1 to 255 characters, for a reason that has not 1 to 1000, and for text that PostgreSQL cannot store.
    """

    operator: str
    channel: Channel
    reason: str

    def __post_init__(self) -> None:
        for what, text, longest in (
            ("the operator's name", self.operator, LONGEST_NAME),
            ("a reason", self.reason, LONGEST_REASON),
        ):
            if not text.strip() or len(text) > longest:
                raise ValueError(f"{what} has 1 to {longest} characters")
            if "\0" in text or text.encode(errors="ignore").decode() != text:
                raise ValueError(f"{what} is text, without NUL and in UTF-8")

    def act(self, action: str, **of: Any) -> Act:
        """The act on one object: ``of`` has the fields of ``Act`` that name it, and its ``detail``."""
        return Act(self.operator, self.channel, action, self.reason, **of)
