"""The operators' use cases: audit, reconcile, replay, retention, a payment's timeline, and acts with a reason.

``commandline`` and the tests call them; no command and no webhook runs through this package.
"""
