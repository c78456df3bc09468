"""A model check of the relay's reading rule: it walks every interleaving of writers, reader, crash and restore.

The reader is the real one: relay.log_reader.LogReader, stopped before each of its statements. The outbox is a model:
transactions draw positions, become visible, release their locks, roll back. A database may be restored from a backup,
which hands out positions again. ``python -m proofs.reading_rule`` walks larger sizes than the tests do.
"""
