"""Empties a test's database. The database refuses this unless its triggers are disabled."""

from service.storage.models import Base

_TABLES = [table.name for table in reversed(Base.metadata.sorted_tables)]
UNGUARDED = "SET LOCAL session_replication_role = replica"
"""Disables the triggers until the end of the transaction; only a superuser may do this."""

DELETE_ALL = "; ".join([UNGUARDED, *(f"DELETE FROM {name}" for name in _TABLES)])
"""Faster than TRUNCATE, which makes new files and forces every session to read its catalog again."""

BEGIN_ANEW = f"{UNGUARDED}; TRUNCATE {', '.join(_TABLES)} RESTART IDENTITY"
"""Also restarts positions at 1."""
