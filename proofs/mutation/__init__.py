"""Takes the mechanisms out one by one, and sees the tests that hold their guarantees fail."""
