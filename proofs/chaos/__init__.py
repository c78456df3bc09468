"""Sagas by the hundred while everything they stand on is killed at random, and a count of what went wrong."""
