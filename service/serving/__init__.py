"""gunicorn's worker, with a loop of its own that receives whole requests before a thread is used.

- ``worker``: the loop's hooks in gunicorn's worker, and its threads.
- ``clients``: the connections that the loop reads, writes and closes; ``waiting``: their deadlines.
- ``connection``: one connection, and the exchange that replaces the socket for gunicorn's parsers.
- ``refusals``: answers to requests that never reach the application. ``logger``: gunicorn's lines in our log.

gunicorn keeps the processes, the signals and the parsing of HTTP. A slow client costs a connection, never a thread.
"""
