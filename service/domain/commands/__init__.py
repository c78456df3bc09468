"""The commands: one module for each, with its data, its fields as senders write them, and its next step.

``command`` has what all share, ``fields`` how a field is read, ``catalog`` the commands by type.
"""
