"""The operators' use cases: audit, reconcile, recovery after a restore, replay, retry, retention, a payment's timeline.

``commandline`` and the tests call them; no command and no webhook runs through this package.
"""
