"""Image and compose file, held to the code: there is no container engine to try them with."""
