"""A hidden cohort as what may be published and what may not, with commitments that bind it.

A digest of labels would let anybody check a guess. A commitment is the digest of a secret nonce
and the file: it tells nothing until both are disclosed, and then shows that no label was changed.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from schema.errors import UnreadableFileError, UsageError
from schema.partition import SealManifest, SealNonces
from tasks.cohort import Cohort
from tasks.cohort_copy import (
    LABELS,
    TABLES,
    VOLUME_LIMIT_BYTES,
    copy_file,
    volumes_of,
    write_manifest,
)
from tasks.files import canonical_json, digest_bytes, read_bytes, read_text, write_text
from tasks.layout import COHORT_MANIFEST, IMAGES

Model = TypeVar("Model", SealManifest, SealNonces)

PUBLIC, PRIVATE = "public", "private"
SEALED, NONCES, CONTENTS = "sealed.json", "nonces.json", "CONTENTS.md"
NONCE_BYTES = 32
PRIVATE_MODE = 0o700

SIDES = f"""# What lies where

| folder or file | publish | why |
|---|---|---|
| `{PUBLIC}/{COHORT_MANIFEST}` | yes | cases in alphabetical order, tasks, licence; no description |
| `{PUBLIC}/{IMAGES}/` | yes | the input |
| `{PUBLIC}/{SEALED}` | yes | digests of the inputs, commitments to the rest |
| `{PRIVATE}/{NONCES}` | no | opens the commitments; with it a guess can be checked |
| `{PRIVATE}/{COHORT_MANIFEST}` | no | order and description may tell of the labels |
| `{PRIVATE}/{LABELS[0]}/`, `{PRIVATE}/{LABELS[1]}/` | no | the reference standard |
| `{PRIVATE}/{TABLES[0]}`, `{PRIVATE}/{TABLES[1]}` | no | outcomes and readings |
| `{PRIVATE}/{IMAGES}/` | no need | the same images: this folder is the whole cohort, for scoring |

Publish the folder `{PUBLIC}` alone. To disclose the labels later publish `{PRIVATE}` too; then
anybody can run `lln cohort seal {PRIVATE} --verify {PUBLIC}`.
"""


def commitment(content: bytes, *, nonce: bytes) -> str:
    """SHA-256 of the nonce and the content; the nonce has a fixed length."""
    assert len(nonce) == NONCE_BYTES
    return "sha256:" + hashlib.sha256(nonce + content).hexdigest()


def new_nonce(_where: str) -> bytes:
    """32 bytes from the system's source of randomness, for one file."""
    return secrets.token_bytes(NONCE_BYTES)


def write_sealed(
    cohort: Cohort, *, out: Path, link: bool, nonce_of: Callable[[str], bytes] = new_nonce
) -> Iterator[str]:
    """Write both sides; yields each case as it is done.

    Args:
        cohort: with its tables.
        out: folder to write into.
        link: give volumes a second name instead of copying them.
        nonce_of: gives the nonce of each file that is kept back.

    Raises:
        CohortError: a volume is missing, or was not written as it was read.
    """
    public, private = out / PUBLIC, out / PRIVATE
    private.mkdir(mode=PRIVATE_MODE, parents=True)
    inputs: dict[str, str] = {}
    kept = [COHORT_MANIFEST, *(name for name in TABLES if (cohort.folder / name).exists())]
    for case in cohort.manifest.cases:
        for where in volumes_of(cohort, case, folders=(IMAGES,)):
            copy_file(cohort.folder / where, private / where, link=link)
            inputs[where] = copy_file(cohort.folder / where, public / where, link=link)
        kept += volumes_of(cohort, case, folders=LABELS)
        yield case
    nonces = {where: nonce_of(where) for where in kept}
    commitments = {}
    for where, nonce in nonces.items():
        copy_file(cohort.folder / where, private / where, link=link)
        content = read_bytes(private / where, limit=VOLUME_LIMIT_BYTES)
        commitments[where] = commitment(content, nonce=nonce)
    sealed = SealManifest(inputs=inputs, commitments=commitments)
    opens = SealNonces(nonces={where: nonce.hex() for where, nonce in nonces.items()})
    write_text(private / NONCES, canonical_json(opens.model_dump(mode="json")))
    write_text(out / CONTENTS, SIDES)
    write_text(public / SEALED, canonical_json(sealed.model_dump(mode="json")))
    changes = {"cases": tuple(sorted(cohort.manifest.cases)), "description": ""}
    write_manifest(cohort.manifest.model_copy(update=changes), out=public)


def broken(public: Path, *, revealed: Path) -> Iterator[str]:
    """What does not match: one sentence each; nothing when the seal holds.

    Args:
        public: the folder that was published at first.
        revealed: the folder that was disclosed later.

    Raises:
        UsageError: sealed.json or nonces.json cannot be read.
    """
    sealed = _read(public / SEALED, SealManifest)
    opens = _read(revealed / NONCES, SealNonces)
    for where, digest in sorted(sealed.inputs.items()):
        for folder in (public, revealed):
            content = _content(folder, where)
            if content is None or digest_bytes(content) != digest:
                yield f"{folder / where}: missing, or not the input that was published"
    for where, promised in sorted(sealed.commitments.items()):
        content, nonce = _content(revealed, where), opens.nonces.get(where)
        if content is None or nonce is None:
            yield f"{revealed / where}: missing, or without its nonce"
        elif not hmac.compare_digest(commitment(content, nonce=bytes.fromhex(nonce)), promised):
            yield f"{revealed / where}: not the file that was sealed"


def _content(folder: Path, where: str) -> bytes | None:
    """A file below a folder; None when there is none, or its path leads out."""
    path = folder / where
    if Path(where).is_absolute() or ".." in Path(where).parts:
        return None
    try:
        return read_bytes(path, limit=VOLUME_LIMIT_BYTES)
    except UnreadableFileError:
        return None


def _read(path: Path, model: type[Model]) -> Model:
    try:
        return model.model_validate_json(read_text(path))
    except (UnreadableFileError, ValidationError) as error:
        raise UsageError(f"{path}: cannot be read as {model.__name__}") from error
