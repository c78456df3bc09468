"""The HTTP server: gunicorn's processes and parsers, and a loop that takes whole requests before a thread is used."""
