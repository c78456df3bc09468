"""The operators' use cases: audit, reconcile, recovery after a restore, replay, retention, timeline, acts with reason.

``commandline`` and the tests call them; no command and no webhook runs through this package.
"""
