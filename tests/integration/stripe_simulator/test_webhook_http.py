"""The webhook client with servers that misbehave."""

import asyncio

import pytest

from devstack.stripe_simulator.webhook_http import BadReplyError, Pool

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class _Server:
    """Answers every request with the same bytes; counts connections and requests."""

    def __init__(self, answer: bytes, *, requests_a_connection: int = 100) -> None:
        self._answer = answer
        self._limit = requests_a_connection
        self.connections = 0
        self.requests: list[bytes] = []

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            for _ in range(self._limit):
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head + await reader.readexactly(4))
                writer.write(self._answer)
        except EOFError:
            pass
        finally:
            writer.close()

    def post(self, times: int) -> list[int]:
        """The statuses of this number of posts, one after the other, through one pool."""
        return asyncio.run(self._post(times))

    async def _post(self, times: int) -> list[int]:
        server = await asyncio.start_server(self.handle, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        pool = Pool()
        try:
            return [await pool.post(f"http://127.0.0.1:{port}/hook?a=1", {"X": "y"}, b"body") for _ in range(times)]
        finally:
            pool.close()
            server.close()


def test_connections_are_reused() -> None:
    server = _Server(_OK)
    assert server.post(3) == [200, 200, 200]
    assert server.connections == 1
    assert server.requests[0].startswith(b"POST /hook?a=1 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert server.requests[0].endswith(b"\r\nContent-Length: 4\r\nX: y\r\n\r\nbody")


def test_idle_connection_closed_by_the_server_is_replaced() -> None:
    server = _Server(_OK, requests_a_connection=1)
    assert server.post(3) == [200, 200, 200]
    assert server.connections == 3


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.0 503 No\r\n\r\n"]
)
def test_answers_that_end_the_connection(answer: bytes) -> None:
    server = _Server(answer)
    assert server.post(2) == [503, 503]
    assert server.connections == 2


@pytest.mark.parametrize("answer", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 two\r\n\r\n", b"x" * 70_000])
def test_malformed_answer_is_a_failed_delivery(answer: bytes) -> None:
    with pytest.raises(BadReplyError):
        _Server(answer).post(1)


def test_connection_cut_before_the_answer_is_a_failed_delivery() -> None:
    with pytest.raises(EOFError):
        _Server(b"", requests_a_connection=1).post(1)
