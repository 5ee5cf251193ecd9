from __future__ import annotations

import pytest

from compute_mAP.wording import nearest, shortened


@pytest.mark.parametrize(
    ("items", "text"),
    [([], ""), ([1, 2], "1, 2"), ([1, 2, 3], "1, 2, 3"), ([1, 2, 3, 4, 5], "1, 2, 3 and 2 more")],
    ids=["none", "few", "just not too many", "too many"],
)
def test_shortened(items: list[int], text: str) -> None:
    assert shortened(items, most=3) == text


@pytest.mark.parametrize(
    ("word", "text"),
    [("Platelet", " (did you mean 'Platelets'?)"), ("rbc", " (did you mean 'RBC'?)"), ("zebra", "")],
    ids=["a letter short", "capitals do not count", "nothing alike"],
)
def test_nearest(word: str, text: str) -> None:
    assert nearest(word, ["RBC", "WBC", "Platelets"]) == text
