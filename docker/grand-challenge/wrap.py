"""Turns a submission image of the kit's neutral contract into a Grand Challenge algorithm image.

    python3 wrap.py my-submission --api exec --tag my-algorithm --save my-algorithm.tar.gz

Needs Python 3.10 and the `docker` command. `docs/grand-challenge.md` describes it.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LABEL = "org.grand-challenge.api-method"
NOBODY = "65532:65532"
ROOT = {"", "0", "root"}
FOLDERS = ("--input", "{input}", "--output", "{output}")
"""What is added to a command that says nothing of its folders."""
OPTIONS = {
    "tasks": ("LLN_TASKS", "those that the model answers, comma-separated"),
    "seconds": ("LLN_SECONDS", "wall clock of the model on one case"),
    "socket": ("LLN_GC_INPUT", "slug of the image input, where there are several"),
    "compartments": ("LLN_GC_COMPARTMENTS", "relative path of that output: images/slug"),
    "nodes": ("LLN_GC_NODES", "relative path of that output: images/slug"),
    "positivity": ("LLN_GC_POSITIVITY", "relative path of that output: slug.json"),
}


def main() -> int:
    """Build, and save where asked to; returns the exit code."""
    options = _arguments()
    try:
        arguments = _build_arguments(options, config=_config(options.image))
        _build(arguments, api=options.api, tag=options.tag)
        if options.save:
            _save(options.tag, options.save)
    except (ValueError, OSError, subprocess.CalledProcessError) as error:
        print(f"wrap: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="wrap.py", description=__doc__.partition("\n")[0])
    parser.add_argument("image", help="the submission")
    parser.add_argument("--api", choices=("exec", "invoke"), default="exec")
    parser.add_argument("--tag", required=True, help="name of the new image")
    parser.add_argument("--command", help="JSON list with {input} and {output} [the image's own]")
    parser.add_argument("--save", type=Path, help="file to upload: NAME.tar.gz")
    for option, (_, text) in OPTIONS.items():
        parser.add_argument(f"--{option}", help=text)
    return parser.parse_args()


def _config(image: str) -> Mapping[str, Any]:
    """The image's own entrypoint, command and user."""
    command = ["docker", "image", "inspect", "--format", "{{json .Config}}", image]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
    if done.returncode:
        raise ValueError(f"{image}: {done.stderr.decode().strip()}")
    config: Mapping[str, Any] = json.loads(done.stdout)
    if LABEL in (config.get("Labels") or {}):
        raise ValueError(f"{image}: is a Grand Challenge algorithm already")
    return config


def _build_arguments(options: argparse.Namespace, *, config: Mapping[str, Any]) -> dict[str, str]:
    given = {name: getattr(options, option) for option, (name, _) in OPTIONS.items()}
    return {
        "SUBMISSION_IMAGE": options.image,
        "SUBMISSION_USER": _user(config),
        "LLN_COMMAND": options.command or json.dumps(_command(config)),
        **{name: value for name, value in given.items() if value is not None},
    }


def _user(config: Mapping[str, Any]) -> str:
    """The image's own unless that is root."""
    user = str(config.get("User") or "")
    return NOBODY if user.partition(":")[0] in ROOT else user


def _command(config: Mapping[str, Any]) -> list[str]:
    words = [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())]
    if not words:
        raise ValueError("the image has no entrypoint and no command: give --command")
    if any("{input}" in word for word in words):
        return words
    return [*words, *FOLDERS]


def _build(arguments: Mapping[str, str], *, api: str, tag: str) -> None:
    given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    command = ["docker", "build", f"--target={api}", f"--tag={tag}", *given, "-"]
    subprocess.run(command, input=_context(), check=True)  # noqa: S603


def _context() -> bytes:
    """The build's files, readable to any user whatever this one's umask made of them."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for path in (HERE / "Dockerfile", *sorted(HERE.glob("adapter/*.py"))):
            tar.add(path, path.relative_to(HERE), filter=_plain)
    return content.getvalue()


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """The same file gives the same layer."""
    return entry.replace(mode=0o644, mtime=0, uid=0, gid=0, uname="", gname="")


def _save(tag: str, path: Path) -> None:
    command = ["docker", "save", tag]
    # the lowest level: an image is gigabytes of what is compressed already
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as process,  # noqa: S603
        gzip.open(path, "wb", compresslevel=1) as file,
    ):
        assert process.stdout is not None
        shutil.copyfileobj(process.stdout, file)
    if process.returncode:
        path.unlink()
        raise subprocess.CalledProcessError(process.returncode, command)


if __name__ == "__main__":
    sys.exit(main())
