"""Hundreds of sagas while the processes and servers below them are killed at random, and a count of all violations."""
