"""Signing SHA256SUMS with OpenSSH: whoever has the organiser's public key can check a board."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path

from leaderboard.board_folder import SIGNATURE, SUMS, alone
from schema.errors import UsageError

NAMESPACE = "lln-leaderboard"
"""What the signature is for: one made for another purpose does not pass."""
SECONDS = 60
BEGIN, END = b"-----BEGIN SSH SIGNATURE-----\n", b"-----END SSH SIGNATURE-----\n"
COLUMNS = 70


def sign(*, results: Path, key: Path) -> Path:
    """Sign SHA256SUMS with a private key, or a public one whose private half an agent holds.

    Returns:
        The signature's path.

    Raises:
        UsageError: the folder is no board, or ssh-keygen cannot sign.
    """
    with alone(results):
        (results / SIGNATURE).unlink(missing_ok=True)
        done = _run("-Y", "sign", "-n", NAMESPACE, "-f", str(key), str(results / SUMS))
        if done.returncode != 0 or not (results / SIGNATURE).exists():
            raise UsageError(f"ssh-keygen did not sign: {done.stderr.strip()}")
    return results / SIGNATURE


def signature_problem(*, results: Path, allowed_signers: Path | None) -> str | None:
    """What is wrong with the signature; None when it is good.

    Args:
        results: the board's folder.
        allowed_signers: who may sign, in OpenSSH's format; without it only that the signature is of
            these bytes is checked, by whatever key it names.
    """
    if not (results / SIGNATURE).exists():
        return "there is none"
    if not _is_armoured((results / SIGNATURE).read_bytes()):
        return "it is not written as ssh-keygen writes it"
    common = ("-n", NAMESPACE, "-s", str(results / SIGNATURE))
    sums = (results / SUMS).read_bytes()
    if allowed_signers is None:
        done = _run("-Y", "check-novalidate", *common, content=sums)
        return None if done.returncode == 0 else _words(done)
    found = _run("-Y", "find-principals", "-f", str(allowed_signers), *common[2:])
    principal = found.stdout.split("\n")[0].strip()
    if found.returncode != 0 or not principal:
        return "no key of the allowed signers made it"
    listed = ("-f", str(allowed_signers), "-I", principal)
    done = _run("-Y", "verify", *listed, *common, content=sums)
    return None if done.returncode == 0 else _words(done)


def _is_armoured(content: bytes) -> bool:
    """Whether the bytes are exactly what ssh-keygen writes; it reads looser ones as well."""
    body = content.removeprefix(BEGIN).removesuffix(END)
    try:
        packed = base64.b64encode(base64.b64decode(body))
    except ValueError:
        return False
    lines = (packed[start : start + COLUMNS] for start in range(0, len(packed), COLUMNS))
    return content == BEGIN + b"".join(line + b"\n" for line in lines) + END


def _words(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr or done.stdout).strip() or "ssh-keygen does not accept it"


def _run(*arguments: str, content: bytes = b"") -> subprocess.CompletedProcess[str]:
    """ssh-keygen; it must not ask anything.

    Raises:
        UsageError: it is not installed.
    """
    program = shutil.which("ssh-keygen")
    if program is None:
        raise UsageError("ssh-keygen is not installed: on Debian, apt-get install openssh-client")
    return subprocess.run(  # noqa: S603
        [program, *arguments],
        input=content.decode(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
