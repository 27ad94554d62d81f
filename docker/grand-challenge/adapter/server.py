"""The `invoke` interface: `GET /health` and `POST /invoke`, one case at a time."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from failures import Failure, Kind

BODY_LIMIT = 1 << 12
"""A body carries nothing; one that is small is read and thrown away."""
OK, CREATED = 200, 201
UNKNOWN = Failure(Kind.NOT_FOUND, "there are GET /health and POST /invoke")


class Server(ThreadingHTTPServer):
    """Answers /health while a case runs, and refuses a second case meanwhile."""

    daemon_threads = True

    def __init__(self, port: int, *, answer: Callable[[], None]) -> None:
        """Listen.

        Args:
            port: 0 for any that is free.
            answer: runs the case that lies in /input; raises `Failure` and nothing else.
        """
        super().__init__(("0.0.0.0", port), Handler)  # noqa: S104 - the platform calls from outside
        self._answer = answer
        self._busy = threading.Lock()

    def invoke(self) -> None:
        """Answer one case.

        Raises:
            Failure: there is no answer, or another case is being answered.
        """
        # no queue: the platform sends one case at a time, and a wait would hide behind its timeout
        if not self._busy.acquire(blocking=False):
            raise Failure(Kind.BUSY, "another case is being answered")
        try:
            self._answer()
        finally:
            self._busy.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a connection that broke: the last line is for what went wrong."""


class Handler(BaseHTTPRequestHandler):
    """One request. The connection is closed after it."""

    server: Server
    server_version, sys_version = "lln-adapter", ""
    timeout = 10
    """Seconds to send a request."""

    def do_GET(self) -> None:
        """Health: the server listens only once it is ready."""
        if self.path == "/health":
            self._send(OK, {})
        else:
            self._refuse(UNKNOWN)

    def do_POST(self) -> None:
        """Run the case that lies in /input."""
        if self.path != "/invoke":
            self._refuse(UNKNOWN)
            return
        try:
            self._throw_body_away()
            self.server.invoke()
        except Failure as failure:
            self._refuse(failure)
        else:
            self._send(CREATED, {})

    def _throw_body_away(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdigit()):
            raise Failure(Kind.LENGTH_REQUIRED, "a body needs a Content-Length")
        # the length of the number first: a number of a million digits is not worth converting
        if len(length) > len(str(BODY_LIMIT)) or int(length) > BODY_LIMIT:
            raise Failure(Kind.BODY_TOO_LARGE, f"a body may have {BODY_LIMIT} bytes")
        self.rfile.read(int(length))

    def _refuse(self, failure: Failure) -> None:
        content = {"code": failure.kind.code, "message": failure.message}
        self._send(failure.kind.http_status, content)

    def _send(self, status: int, content: dict[str, str]) -> None:
        body = json.dumps(content).encode("ascii")
        # who does not wait for the answer has the outputs all the same
        with contextlib.suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the last line of standard error is for what went wrong."""
