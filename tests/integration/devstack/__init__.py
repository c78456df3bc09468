"""Tests of the embedded stack itself."""
