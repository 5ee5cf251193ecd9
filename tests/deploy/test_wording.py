from __future__ import annotations

import pytest

from deploy.wording import did_you_mean


@pytest.mark.parametrize(
    ("word", "text"),
    [
        pytest.param("resizeTyp", '; did you mean "resizeType"?', id="a letter short"),
        pytest.param("RESIZETYPE", '; did you mean "resizeType"?', id="capitals do not count"),
        pytest.param("zebra", "", id="nothing alike"),
    ],
)
def test_did_you_mean(word: str, text: str) -> None:
    assert did_you_mean(word, ["resizeType", "resizeWidth"]) == text
