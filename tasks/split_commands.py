"""The verbs that divide a cohort, seal its hidden part, and show that a seal held."""

from __future__ import annotations

from pathlib import Path

import click

from schema.errors import UsageError
from tasks.commands import FOLDER, JOBS, refuse_overlap

FILE = click.Path(path_type=Path, dir_okay=False)
LINK = click.option(
    "--link", is_flag=True, help="Give volumes a second name (hard link) instead of copying them."
)


@click.command()
@click.argument("cohort", type=FOLDER)
@click.option("--out", required=True, type=FOLDER, help="A new or empty folder.")
@click.option("--train", default="0.6", show_default=True, help="Share; 0 leaves this part out.")
@click.option("--public", default="0.1", show_default=True, help="Share.")
@click.option("--hidden", default="0.3", show_default=True, help="Share.")
@click.option("--seed", required=True, type=click.IntRange(min=0), help="Of the draw; keep it.")
@click.option(
    "--patients",
    type=FILE,
    help="A table case_id, patient where patients have several cases.  [default: one each]",
)
@LINK
@JOBS
def split_cohort(
    cohort: Path,
    out: Path,
    train: str,
    public: str,
    hidden: str,
    seed: int,
    patients: Path | None,
    link: bool,
    jobs: int,
) -> None:
    """Divide a cohort into train, public and hidden, by patient.

    All cases of a patient stay together, and so do cases with one and the same image. Within each
    centre and status every part gets its share, rounded up or down. The folder holds hidden labels,
    and split.json names hidden cases: keep both private, and seal the hidden part.

    \b
    Example: lln cohort split out/cohort --out out/split --seed 1
    """
    from schema.terms import Split
    from tasks.cohort import read_cohort
    from tasks.cohort_check import digest_images
    from tasks.cohort_split import division, patients_of, read_patients, shares_of, write_split
    from tasks.terminal import progress
    from tasks.whole_folder import whole_folder

    given = {Split.TRAIN: train, Split.PUBLIC: public, Split.HIDDEN: hidden}
    shares = shares_of(given)
    found = read_cohort(cohort)
    refuse_overlap(cohort, out=out)
    known = {} if patients is None else read_patients(patients, cohort=found)
    images = {}
    with progress("Comparing images", total=len(found.manifest.cases)) as step:
        for case, digest in digest_images(found, jobs=jobs):
            if digest is not None:
                images[case] = digest
            step()
    made = division(
        found,
        groups=patients_of(found, images=images, patients=known),
        shares=shares,
        seed=seed,
    )
    with whole_folder(out) as partial, progress("Writing", total=len(found.manifest.cases)) as step:
        for _ in write_split(found, made, shares=shares, seed=seed, out=partial, link=link):
            step()
    for part in shares:
        count = sum(each is part for each in made.split_of.values())
        click.echo(f"{part.value}: {count} cases: {out / part.value}")


@click.command()
@click.argument("cohort", type=FOLDER)
@click.option("--out", type=FOLDER, help="Seal: a new or empty folder.")
@click.option("--verify", type=FOLDER, help="Check: the folder that was published at first.")
@LINK
def seal_cohort(cohort: Path, out: Path | None, verify: Path | None, link: bool) -> None:
    """Write what may be published of a hidden cohort and what may not, or show that a seal held.

    OUT/public has the inputs, their digests and commitments to everything else; publish it alone.
    OUT/private is the whole cohort, for scoring, with the nonces. CONTENTS.md says why each is
    where it is. With --verify COHORT is the private folder, disclosed: exit code 0 when every file
    is the one that was sealed, 1 when some are not.

    \b
    Example: lln cohort seal out/split/hidden --out out/sealed
    Example: lln cohort seal out/sealed/private --verify out/sealed/public
    """
    if (out is None) == (verify is None):
        raise UsageError("give either --out or --verify")
    if out is not None:
        _seal(cohort, out=out, link=link)
    elif verify is not None:
        _verify(cohort, public=verify)


def _seal(cohort: Path, *, out: Path, link: bool) -> None:
    from tasks.cohort import read_cohort
    from tasks.cohort_seal import PRIVATE, PUBLIC, write_sealed
    from tasks.terminal import progress
    from tasks.whole_folder import whole_folder

    found = read_cohort(cohort)
    refuse_overlap(cohort, out=out)
    total = len(found.manifest.cases)
    with whole_folder(out) as partial, progress("Sealing", total=total) as step:
        for _ in write_sealed(found, out=partial, link=link):
            step()
    click.echo(f"publish {out / PUBLIC}; keep {out / PRIVATE}")


def _verify(revealed: Path, *, public: Path) -> None:
    from tasks.cohort_seal import broken
    from tasks.terminal import FOUND

    wrong = list(broken(public, revealed=revealed))
    for each in wrong:
        click.echo(each, err=True)
    click.echo("the seal held" if not wrong else f"{len(wrong)} files do not match")
    if wrong:
        raise SystemExit(FOUND)
