"""Proofs beyond examples: chaos runs and mutation."""
