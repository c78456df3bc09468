"""Image and compose file agree with the code. These tests need no container engine."""
