"""What the doctor asks of a Docker engine beside running containers: facts, and an image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import docker
from docker.errors import BuildError, DockerException, ImageNotFound
from requests.exceptions import RequestException

from evaluation.sandbox.log import one_line
from schema.errors import SandboxError, Unrunnable

FAILED = (DockerException, RequestException)


class Builder:
    """An engine that builds."""

    def __init__(self, client: docker.DockerClient) -> None:
        self._client = client

    def facts(self) -> Mapping[str, Any]:
        """What the engine says of itself and its host."""
        found: dict[str, Any] = self._client.info()
        return found

    @contextmanager
    def built(self, folder: Path, *, base_image: str, tag: str) -> Iterator[str]:
        """An image of a folder with a Dockerfile, without network; removed with the block.

        Raises:
            SandboxError: the base image is absent, or the build failed.
        """
        self._require(base_image)
        try:
            image, _ = self._client.images.build(
                path=str(folder),
                tag=tag,
                buildargs={"BASE_IMAGE": base_image},
                network_mode="none",
                rm=True,
                forcerm=True,
            )
        except FAILED as error:
            raise _failed(error, base_image=base_image) from error
        try:
            yield image.id
        finally:
            with suppress(*FAILED):
                self._client.images.remove(image.id, force=True)

    def _require(self, base_image: str) -> None:
        try:
            self._client.images.get(base_image)
        except ImageNotFound as error:
            message = (
                f"{base_image}: the engine has no such image: build it with docker/base-image, "
                "or name one with python3 in it: --base-image NAME"
            )
            raise SandboxError(message, kind=Unrunnable.NO_IMAGE) from error


def _failed(error: Exception, *, base_image: str) -> SandboxError:
    last = [line["stream"] for line in getattr(error, "build_log", ()) if line.get("stream")]
    what = one_line(" ".join([str(error), *last[-2:]]))
    kind = Unrunnable.NO_IMAGE if isinstance(error, BuildError) else Unrunnable.ENGINE_FAILED
    message = f"{base_image}: no image could be built on it: {what}; it needs python3 and a shell"
    return SandboxError(message, kind=kind)


@contextmanager
def builder() -> Iterator[Builder]:
    """The engine that the environment names, until the block ends.

    Raises:
        SandboxError: none answers.
    """
    try:
        client = docker.from_env()
    except FAILED as error:
        message = f"no Docker engine answers ({error}): start it, or set DOCKER_HOST"
        raise SandboxError(message, kind=Unrunnable.NO_ENGINE) from error
    with closing(client):
        yield Builder(client)
