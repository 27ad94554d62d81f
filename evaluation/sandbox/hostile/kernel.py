"""Calls that Python has no function for."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from collections.abc import Callable
from functools import cache

NEW_NAMESPACE, NEW_USER, NEW_NETWORK = 0x00020000, 0x10000000, 0x40000000
READ_ALL = 3
SEIZE = 0x4206
AT_HERE = -100
HANDLE_BYTES = 128
KEYCTL = {"x86_64": 250, "aarch64": 219}
IO_URING_SETUP, IO_URING_BYTES = 425, 120
USERFAULTFD = {"x86_64": 323, "aarch64": 282}
USER_FAULTS_ONLY = 1
USER_KEYRING = -4
WITH_32_BITS = "x86_64"
"""Machine whose kernel takes the calls of 32-bit programs from any program."""
PAGE_BYTES, ANYTHING_GOES, LOW_AND_OWN = 4096, 7, 0x62
SOCKET_CALL, OPEN_SOCKET = 102, 1
HYPERVISOR_SOCKETS, STREAM = 40, 1


@cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> int:
    """Call the C library.

    Raises:
        OSError: the kernel refused.
    """
    result: int = getattr(_library(), name)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result


def mount_memory() -> None:
    """Mount a file system in memory."""
    _call("mount", b"none", b"/tmp", b"tmpfs", 0, None)


def unmount_input() -> None:
    """Take a mount away, to see what it hides."""
    _call("umount2", b"/input", 2)


def unshare(flag: int) -> Callable[[], None]:
    """A call that enters a new namespace, in which privileges are given out anew."""
    return lambda: void(_call("unshare", flag))


def void(_: object) -> None:
    """Forget a value."""


def set_host_name() -> None:
    """Set the host name to what it is."""
    name = platform.node().encode()
    _call("sethostname", name, len(name))


def open_by_handle() -> None:
    """Open a file by its number, past every mount: how an escape of 2014 read the host's disk."""
    handle = ctypes.create_string_buffer(HANDLE_BYTES + 8)
    ctypes.cast(handle, ctypes.POINTER(ctypes.c_uint))[0] = HANDLE_BYTES
    mount_id = ctypes.c_int()
    _call("name_to_handle_at", AT_HERE, b"/input", handle, ctypes.byref(mount_id), 0)
    folder = os.open("/input", os.O_RDONLY)
    _call("open_by_handle_at", folder, handle, os.O_RDONLY)


def read_keyring() -> None:
    """Ask for the user's keys, which no namespace holds back."""
    _call("syscall", KEYCTL[platform.machine()], 0, USER_KEYRING, 0)


def queue_calls() -> None:
    """Set up a queue by which the kernel makes calls that no filter sees."""
    _call("syscall", IO_URING_SETUP, 1, ctypes.create_string_buffer(IO_URING_BYTES))


def stop_kernel_copies() -> None:
    """Ask to answer for absent memory: how races in the kernel are won."""
    _call("syscall", USERFAULTFD[platform.machine()], USER_FAULTS_ONLY)


def hypervisor_socket_of_32_bits() -> None:
    """Open a socket by a call whose arguments lie in memory, where a filter cannot look."""
    page = _low_page()
    arguments = page + PAGE_BYTES // 2
    ctypes.memmove(arguments, struct.pack("<3I", HYPERVISOR_SOCKETS, STREAM, 0), 12)
    code = (
        b"\x53"  # keep rbx
        + struct.pack("<BI", 0xB8, SOCKET_CALL)  # into eax
        + struct.pack("<BI", 0xBB, OPEN_SOCKET)  # into ebx
        + struct.pack("<BI", 0xB9, arguments)  # into ecx
        + b"\xcd\x80\x5b\xc3"  # call, give rbx back, return
    )
    ctypes.memmove(page, code, len(code))
    result = ctypes.CFUNCTYPE(ctypes.c_int)(page)()
    if result < 0:
        raise OSError(-result, "socketcall")


def _low_page() -> int:
    """A page that may be written and run, at an address of 32 bits."""
    library = _library()
    library.mmap.restype = ctypes.c_void_p
    page = library.mmap(None, PAGE_BYTES, ANYTHING_GOES, LOW_AND_OWN, -1, ctypes.c_long(0))
    if page == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "mmap")
    return int(page)


def read_kernel_log() -> None:
    """Read the kernel's messages."""
    buffer = ctypes.create_string_buffer(4096)
    _call("klogctl", READ_ALL, buffer, len(buffer))


def trace_init() -> None:
    """Become the tracer of process 1 without stopping it."""
    _call("ptrace", SEIZE, 1, None, None)
