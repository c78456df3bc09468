"""A checked model of the relay's reading rule: every interleaving of writers, reader, crash and restore is walked.

The reader is no model: it is relay.log_reader.LogReader itself, stopped before each of its statements. The outbox is
one: transactions draw positions, become visible, let go of their locks, roll back. A database may be restored from a
backup, which hands out positions again. ``python -m proofs.reading_rule`` walks larger sizes than the tests do.
"""
