"""What the doctor sees from outside while containers run: callers and processes."""

from __future__ import annotations

import fcntl
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Self

LOOPBACK = "127.0.0.1"
MOST_ADDRESSES = 8
LOOK_SECONDS = 0.2
GET_ADDRESS = 0x8915
"""Linux's SIOCGIFADDR."""


def own_addresses() -> tuple[str, ...]:
    """IPv4 addresses of this machine, the loopback first."""
    found = {LOOPBACK: None}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for _, name in socket.if_nameindex():
            with suppress(OSError):  # it has none
                request = struct.pack("256s", name.encode()[:15])
                answer = fcntl.ioctl(asked, GET_ADDRESS, request)
                found[socket.inet_ntoa(answer[20:24])] = None
    return tuple(found)[:MOST_ADDRESSES]


class Listeners:
    """Listens on each address of this machine and notes who calls; reads and answers nothing."""

    def __init__(self) -> None:
        self.callers: list[str] = []
        self.addresses: list[tuple[str, int]] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for host in own_addresses():
            with suppress(OSError):  # an address that cannot be listened on cannot be reached
                listening = self._stack.enter_context(socket.create_server((host, 0)))
                self.addresses.append((host, listening.getsockname()[1]))
                threading.Thread(target=self._accept, args=(listening,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):  # closed
            while True:
                connection, (host, _) = listening.accept()
                self.callers.append(host)
                connection.close()


class ProcessWatch:
    """Looks for processes of this machine that have a word in their command line."""

    def __init__(self, word: str) -> None:
        self._word = word.encode()
        self.witnessed = False

    def living(self) -> tuple[str, ...]:
        """Their numbers. Empty too where the engine runs on another machine."""
        return tuple(
            path.parent.name
            for path in Path("/proc").glob("[0-9]*/cmdline")
            if self._word in _content(path)
        )

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note whether one is seen while the block runs."""
        ended = threading.Event()
        thread = threading.Thread(target=self._watch, args=(ended,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _watch(self, ended: threading.Event) -> None:
        while not (self.witnessed or ended.wait(LOOK_SECONDS)):
            self.witnessed = bool(self.living())


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it ended
        return b""
