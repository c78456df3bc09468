"""Removes the mechanisms one by one, and checks that the tests of their guarantees fail."""
