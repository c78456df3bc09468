"""The requests to Stripe that a command's row keeps, appended by the statements that write the row anyway."""

from sqlalchemy import bindparam, case, func, text

from service.storage.models import Command

MOST_NOTES = 20
"""Calls of a command that are kept: the first ten and the last ten."""

_NEW = bindparam("note", type_=Command.stripe_requests.type)
_BEFORE = func.coalesce(Command.stripe_requests, text("'[]'::jsonb"))
_KEPT = case(
    (func.jsonb_array_length(_BEFORE) < MOST_NOTES, _BEFORE), else_=_BEFORE.op("-")(text(f"{MOST_NOTES // 2}"))
)
_TIMED = func.jsonb_build_array(_NEW.op("||")(func.jsonb_build_object(text("'at'"), func.now())))
REQUESTS = case((_NEW.is_(None), Command.stripe_requests), else_=_KEPT.op("||")(_TIMED))
"""The requests of the command, with the new note if there is one. A note has the time of its transaction."""
