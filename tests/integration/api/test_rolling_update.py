"""The next release migrates first: whoever still runs stays ready, and finds nothing to migrate."""
