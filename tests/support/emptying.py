"""Emptying a test's database: it refuses what no operator may do either, unless its triggers are told to sleep."""

from service.storage.tables import metadata

_TABLES = [table.name for table in reversed(metadata.sorted_tables)]
_UNGUARDED = "SET LOCAL session_replication_role = replica"

DELETE_ALL = "; ".join([_UNGUARDED, *(f"DELETE FROM {name}" for name in _TABLES)])
"""Quicker than TRUNCATE, which makes new files and has every session read its catalogue again."""

BEGIN_ANEW = f"{_UNGUARDED}; TRUNCATE {', '.join(_TABLES)} RESTART IDENTITY"
"""Positions are counted from 1 again."""
