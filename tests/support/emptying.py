"""Emptying a test's database: it refuses what no operator may do either, unless its triggers are told to sleep."""

from service.storage.models import Base

_TABLES = [table.name for table in reversed(Base.metadata.sorted_tables)]
UNGUARDED = "SET LOCAL session_replication_role = replica"
"""The triggers sleep until the transaction is over; only a superuser may tell them to."""

DELETE_ALL = "; ".join([UNGUARDED, *(f"DELETE FROM {name}" for name in _TABLES)])
"""Quicker than TRUNCATE, which makes new files and has every session read its catalog again."""

BEGIN_ANEW = f"{UNGUARDED}; TRUNCATE {', '.join(_TABLES)} RESTART IDENTITY"
"""Positions are counted from 1 again."""
