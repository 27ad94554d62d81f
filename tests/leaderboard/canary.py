"""Markers planted in hidden data, and a search of every public byte for them.

For any folder of files that strangers will see: a board, a site.
"""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

GZIP_MAGIC = b"\x1f\x8b\x08"
SHORTEST = 5
"""A shorter marker would be found by chance."""


class Sighting(NamedTuple):
    """A marker in a public file."""

    path: str
    marker: str
    form: str


def sightings(folder: Path, markers: Iterable[str]) -> list[Sighting]:
    """Every marker in any file of a folder, plain or in another form, and in any file's name.

    Raises:
        ValueError: a marker is so short that it would be found by chance.
    """
    wanted = sorted(set(markers))
    if short := [marker for marker in wanted if len(marker) < SHORTEST]:
        raise ValueError(f"too short to search for: {short}")
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        contents = [name.encode()]
        if path.is_file():
            contents += layers(path.read_bytes())
        for marker in wanted:
            found += [
                Sighting(name, marker, form)
                for form, needle in forms(marker)
                if any(needle in content for content in contents)
            ]
    return found


def layers(content: bytes) -> list[bytes]:
    """The bytes and whatever is packed in them, gzip or data URLs; all in lower case as well."""
    found = [content]
    for unpacked in (*_gzipped(content), *_data_urls(content)):
        found += layers(unpacked)
    return [*found, *(each.lower() for each in found)]


def _gzipped(content: bytes) -> Iterator[bytes]:
    position = content.find(GZIP_MAGIC)
    while position >= 0:
        with suppress(zlib.error):  # three bytes may only look like gzip
            yield zlib.decompressobj(wbits=31).decompress(content[position:])
        position = content.find(GZIP_MAGIC, position + 1)


def _data_urls(content: bytes) -> Iterator[bytes]:
    for part in content.split(b";base64,")[1:]:
        packed = part.split(b'"')[0].split(b"'")[0].split(b")")[0].strip()
        try:
            yield base64.b64decode(packed + b"=" * (-len(packed) % 4))
        except ValueError:
            continue


def forms(marker: str) -> Iterator[tuple[str, bytes]]:
    """How a marker may look: plain, in lower case, as hex, in base64 at any offset, escaped."""
    plain = marker.encode()
    yield "plain", plain
    yield "lower case", marker.lower().encode()
    yield "hexadecimal", plain.hex().encode()
    yield "percent-encoded", quote(marker, safe="").encode()
    yield "UTF-16", marker.encode("utf-16-le")
    yield "reversed", plain[::-1]
    for offset in range(3):
        # three bytes make four characters: whole groups only, whatever stands before the marker
        packed = base64.b64encode(b"\0" * offset + plain)
        start = 0 if offset == 0 else 4
        whole = packed[start : len(packed) - (4 if (offset + len(plain)) % 3 else 0)]
        if len(whole) >= SHORTEST:
            yield f"base64 at {offset}", whole


def hide(marker: str, form: str) -> bytes:
    """A file's bytes with the marker in them in some form; to see that the search finds it."""
    plain = b"before " + marker.encode() + b" after"
    return {
        "plain": plain,
        "upper case": plain.upper(),
        "hexadecimal": plain.hex().encode(),
        "base64": base64.b64encode(plain),
        "base64 at 1": base64.b64encode(b"x" + plain),
        "base64 at 2": base64.b64encode(b"xy" + plain),
        "gzip": b"prefix" + gzip.compress(plain),
        "gzip in base64": b'href="data:application/gzip;base64,'
        + base64.b64encode(gzip.compress(plain))
        + b'"',
        "percent-encoded": quote(plain.decode(), safe="").encode(),
        "UTF-16": plain.decode().encode("utf-16-le"),
    }[form]
