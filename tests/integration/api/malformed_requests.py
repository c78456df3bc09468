"""Bytes that are no HTTP request, and the status of their answer."""

NO_HTTP = [
    (b"NONSENSE\r\n\r\n", 400),
    (b"GET /health HTTP/1.1\r\nHost: x\r\nA\0b: c\r\n\r\n", 400),
    (b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    (b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 9000 + b"\r\n\r\n", 431),
    (
        b"GET /health HTTP/1.1\r\nHost: x\r\n"
        + b"".join(b"X-%d: %s\r\n" % (n, b"x" * 8000) for n in range(9))
        + b"\r\n",
        431,
    ),
    (b"POST /stripe-webhook HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 400),
    (b"POST /stripe-webhook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: mystery\r\n\r\n", 501),
    *[
        (b"POST /stripe-webhook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks, 400)
        for chunks in (
            b"zz\r\n{}\r\n0\r\n\r\n",
            b"-2\r\n{}\r\n0\r\n\r\n",
            b"2\r\n{}XX0\r\n\r\n",
            b"2\n{}\r\n0\r\n\r\n",
            b"2;\x00=1\r\n{}\r\n0\r\n\r\n",
            b"\r\n{}\r\n0\r\n\r\n",
            b"1" * 9000,
        )
    ],
]
