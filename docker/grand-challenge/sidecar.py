"""Calls the server in whose network namespace it runs: METHOD PATH TIMEOUT WAIT.

Prints one JSON object: the last status (0: nobody answered) and the start of the body. A redirect
is not followed. With WAIT above 0 a call is repeated for so many seconds until it is answered by
200 or by a redirect, which the platform takes for a failure.
"""

from __future__ import annotations

import http.client
import json
import sys
import time

PORT = 4743
BODY_LIMIT = 4096
PAUSE_SECONDS = 0.2


def call(method: str, path: str, *, timeout: float) -> tuple[int, str]:
    """Status and body; status 0 when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=timeout)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read(BODY_LIMIT).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, type(error).__name__
    finally:
        connection.close()


def main(method: str, path: str, timeout: str, wait: str) -> None:
    """Call, and say what came back."""
    deadline = time.monotonic() + float(wait)
    while True:
        status, body = call(method, path, timeout=float(timeout))
        over = time.monotonic() >= deadline
        if over or status == http.client.OK or 300 <= status < 400:
            break
        time.sleep(PAUSE_SECONDS)
    print(json.dumps({"status": status, "body": body}))  # noqa: T201


main(*sys.argv[1:])
