"""The command line, one file a group. Nothing slow is imported before a command runs: ``--help`` answers at once."""
