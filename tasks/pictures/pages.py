"""The pages that pictures stand on: templates beside this file."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined, Template


def template(name: str) -> Template:
    """A page's template; what is put into it is escaped, and nothing may be missing."""
    environment = Environment(
        loader=PackageLoader("tasks", "pictures"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
