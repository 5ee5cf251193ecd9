"""Which elements run here."""

import pytest

from deploy.host.catalog import CATALOG
from deploy.host.engine.factories import FACTORIES, plugin_for
from deploy.host.pipeline.description import Element
from deploy.sdk_codes import SdkFault


@pytest.mark.parametrize(
    ("factory", "sentence"),
    [
        pytest.param("mxpi_videoencoder", "runs on the board only: it needs the chip's video encoder", id="encoder"),
        pytest.param("mxpi_keypointpostprocessor", "runs detectors", id="another task"),
    ],
)
def test_what_only_a_board_runs_says_so(factory, sentence):
    with pytest.raises(SdkFault) as caught:
        plugin_for(Element("e0", factory, {}))
    assert caught.value.code == 1005
    assert caught.value.sentence.startswith(f"e0: {factory} ")
    assert sentence in caught.value.sentence


def test_what_no_plugin_runs_has_a_reason():
    for name, known in CATALOG.items():
        assert bool(known.board_only) <= (name not in FACTORIES)
