"""The verb that makes the public pages."""

from __future__ import annotations

from pathlib import Path

import click

from tasks.commands import FOLDER


@click.command()
@click.option("--results", required=True, type=FOLDER, help="The board's folder.")
@click.option("--out", required=True, type=FOLDER, help="A new folder, or that of an earlier site.")
@click.option("--single-file", is_flag=True, help="One HTML file that holds everything.")
def build(results: Path, out: Path, single_file: bool) -> None:
    """Write the leaderboard's pages: they need no server, no network and no script.

    \b
    Example: lln leaderboard build --results leaderboard/results --out out/site
    """
    from leaderboard.board_folder import read_contents
    from leaderboard.site import build as site
    from leaderboard.site.folder import leaderboard_of, write_site

    found = leaderboard_of(read_contents(results))
    write_site(site.build(found, single=single_file), out=out)
    click.echo((out / (site.SINGLE if single_file else "index.html")).resolve())
