"""The version of the service. ``pyproject.toml`` says the same (a test compares the two)."""

VERSION = "0.1.0"
