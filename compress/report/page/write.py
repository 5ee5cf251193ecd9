"""Fills the page's template."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from compress.report.page.assemble import Page

TEMPLATE = "page.html.jinja"


def render(page: Page) -> str:
    """The page as HTML: names are escaped, charts are put in as they are."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(TEMPLATE).render(page=page, svg=Markup, share=_share)


def _share(part: Any, whole: Any) -> str:
    return f"{part / whole:.1%}" if whole else ""
