"""The links of README, in both languages, lead to files and sections that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = ["README.md", "README.zh-CN.md"]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_something(page: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", (ROOT / page).read_text(encoding="utf-8")):
        if "://" not in target:
            file, _, heading = target.partition("#")
            assert (ROOT / file).exists(), target
            assert not heading or heading in headings(file or page), target


def headings(page: str) -> set[str]:
    """Those of the second level, as a link names them."""
    found = re.findall(r"^## (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in found}
