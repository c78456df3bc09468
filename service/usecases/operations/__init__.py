"""The operators' use cases: audit, reconcile, replay, retry, retention and a payment's timeline.

``commandline`` and the tests call them; no command and no webhook runs through this package.
"""
