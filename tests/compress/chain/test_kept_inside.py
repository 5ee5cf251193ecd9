"""What a recipe's stages write beside their main result stays in the chain's folder."""

from pathlib import Path

import pytest

from compress.chain.placement import kept_inside
from deploy.errors import UsageError


@pytest.mark.parametrize("option", ["stock", "save"])
@pytest.mark.parametrize("value", ["/tmp/a.pt", "../a.pt", "x/../../a.pt", "", ".", ".."])
def test_files_elsewhere_are_refused(option: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"the stage 'last' is to write {option}: .*not in the recipe's own folder"):
        kept_inside({option: value}, Path("runs/r"), "last")


def test_files_of_its_own_lie_in_the_folder() -> None:
    options = {"stock": "deep/a.pt", "save": "c.json", "weights": "../w.safetensors"}
    assert kept_inside(options, Path("runs/r"), "last") == {"stock": "runs/r/deep/a.pt", "save": "runs/r/c.json"}
