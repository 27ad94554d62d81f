"""What is to be run: everything that decides the answers, settled before any container starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from evaluation.gate import MANIFEST_BYTES
from evaluation.sandbox.container import CONTRACT_VERSION, container_user
from evaluation.sandbox.inputs import digest_images, digest_inputs, digest_weights
from evaluation.sandbox.journal import run_key
from evaluation.sandbox.runner import Runner
from schema.errors import UnreadableFileError, UsageError
from schema.execution import EngineHost, Mode, RunPlan
from schema.submission import SubmissionManifest
from schema.task import Limits
from schema.terms import TaskId
from tasks.cohort import Cohort
from tasks.files import digest_bytes, read_toml_model
from tasks.specification import load_tasks
from tasks.tables import complaints

LABEL = "org.lln-challenge-kit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """What is to be run.

    Attributes:
        cohort: of which the case ids and the images are used, and nothing else.
        manifest: the entrant's.
        plan: what decides the answers.
        volumes: paths that the image declares as volumes.
        images: digest of each case's image.
        weights: folder of weights, or None.
        host: the machine.
        out: where the submission folder is made.
    """

    cohort: Cohort
    manifest: SubmissionManifest
    plan: RunPlan
    volumes: tuple[str, ...]
    images: Mapping[str, str]
    weights: Path | None
    host: EngineHost
    out: Path

    @property
    def cases(self) -> tuple[str, ...]:
        """Every case, in the cohort's order."""
        return self.cohort.manifest.cases

    @property
    def labels(self) -> dict[str, str]:
        """Of its containers. The folder is in them: the same run in two folders is two runs."""
        folder = digest_bytes(str(self.out.resolve()).encode())
        return {f"{LABEL}.key": run_key(self.plan), f"{LABEL}.folder": folder}


def largest_limits(tasks: Sequence[TaskId]) -> Limits:
    """The limits of several tasks at once: of each, the largest."""
    each = [load_tasks()[task].limits for task in tasks]
    return Limits(**{name: max(getattr(one, name) for one in each) for name in Limits.model_fields})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a campaign departs from the usual.

    Attributes:
        mode: one container a case, or one for all.
        weights: folder to be mounted at /model.
        use_gpus: False to give none, whatever the engine has.
        limits: other ones than the task files'.
    """

    mode: Mode = Mode.CASE
    weights: Path | None = None
    use_gpus: bool = True
    limits: Limits | None = None


USUAL = Options()


def prepare(
    *,
    runner: Runner,
    image: str,
    cohort: Cohort,
    manifest: SubmissionManifest,
    out: Path,
    options: Options = USUAL,
) -> Campaign:
    """Find the image, read the inputs, and settle everything that decides the answers.

    Args:
        runner: that will run it.
        image: a name, an id, or the path of an archive.
        cohort: whose images are the inputs.
        manifest: the entrant's.
        out: where the submission folder is made.
        options: how it departs from the usual.

    Raises:
        SandboxError: there is no such image, or the weights cannot be read.
        CohortError: an image of the cohort cannot be read.
        UsageError: the entrant enters no task of the cohort.
    """
    tasks = _entered(manifest, cohort=cohort)
    found, images = runner.image(image), digest_images(cohort)
    allowed = options.limits or largest_limits(tasks)
    folder = options.weights.resolve() if options.weights else None
    user = container_user()
    plan = RunPlan(
        contract=CONTRACT_VERSION,
        image=found.digest,
        inputs=digest_inputs(images),
        weights=None if folder is None else digest_weights(folder, user=user),
        tasks=tasks,
        limits=allowed,
        mode=options.mode,
        gpus=runner.gpus(allowed.gpus) if options.use_gpus else 0,
    )
    return Campaign(
        cohort=cohort,
        manifest=manifest,
        plan=plan,
        volumes=found.volumes,
        images=images,
        weights=folder,
        host=runner.host(),
        out=out.resolve(),
    )


def _entered(manifest: SubmissionManifest, *, cohort: Cohort) -> tuple[TaskId, ...]:
    offered = cohort.manifest.tasks
    tasks = tuple(task for task in TaskId if task in manifest.tasks and task in offered)
    if not tasks:
        message = (
            f"the manifest enters {', '.join(manifest.tasks)}, the cohort is for "
            f"{', '.join(offered)}: enter one of these, or name another cohort"
        )
        raise UsageError(message)
    return tasks


def read_manifest(path: Path) -> SubmissionManifest:
    """Read the manifest that an entrant sent with the image.

    Raises:
        UsageError: it is missing or wrong.
    """
    try:
        return read_toml_model(path, SubmissionManifest, limit=MANIFEST_BYTES)
    except UnreadableFileError as error:
        raise UsageError(f"{path}: {error}: name the entrant's submission.toml") from error
    except ValidationError as error:
        found = "; ".join(f"{each.field}: {each.message}" for each in complaints(error))
        raise UsageError(f"{path}: {found}") from error
