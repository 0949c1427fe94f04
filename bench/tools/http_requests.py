# SPDX-License-Identifier: Apache-2.0
"""What bench/http_load sends: whole requests, and texts of a stated length."""


def request(path: str, body: bytes, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def text_of(tokens: int) -> str:
    return " ".join(["is"] * (tokens - 2))  # The first and the last one are the model's own.
