"""The commands: one module for each, with its data, its fields as senders write them, and its next step.

``command`` has the parts that all share, and ``catalog`` finds a command by its type.
"""
