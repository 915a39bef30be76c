"""Bodies over the limit are refused before anything buffers them, however their length is told."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

LIMIT = 1_048_576


def test_a_declared_length_over_the_limit_is_refused_at_once(server: str) -> None:
    answer = httpx.post(
        f"{server}/chat", content=b"x" * (LIMIT + 1), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "too_large"
    assert str(LIMIT) in answer.json()["errors"]["body"][0]


@pytest.mark.parametrize("chunks", [2, 200])
def test_chunks_are_refused_once_they_are_too_many(server: str, chunks: int) -> None:
    def body() -> Iterator[bytes]:
        yield b"x" * LIMIT
        for _ in range(chunks):
            yield b"x" * 65_536

    try:
        answer = httpx.post(f"{server}/chat", content=body(), headers={"Content-Type": "application/json"})
    except httpx.HTTPError:
        answer = None  # the server may close while we still send
    if answer is not None:
        assert answer.status_code == 413
    assert httpx.get(f"{server}/healthz").status_code == 200


def test_a_body_below_the_limit_passes(server: str) -> None:
    answer = httpx.post(f"{server}/chat", content=b" " * 1000, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 401)


def test_a_lying_length_gains_nothing(server: str) -> None:
    address = urlsplit(server)
    assert address.hostname
    with socket.create_connection((address.hostname, address.port or 80), timeout=5) as connection:
        head = "POST /chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n"
        connection.sendall(head.encode() + b"x" * 10)
        assert connection.recv(12).startswith(b"HTTP/1.1 4")
        # What follows is no part of that body; the server takes it for a broken request and leaves.
        with pytest.raises(OSError):  # noqa: PT011  (reset or broken pipe, as the sockets will have it)
            connection.sendall(b"x" * 50_000_000)
