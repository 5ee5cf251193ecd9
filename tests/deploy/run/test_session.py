"""Opening a stream: what it writes stays in its folder unless that is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.errors import ModelError
from deploy.run.session import open_stream
from deploy.run.target import Target


@pytest.mark.parametrize("factory", ["filesink", "mxpi_dumpdata"])
@pytest.mark.parametrize("allowed", [False, True])
def test_writing_outside_is_refused_unless_asked_for(
    factory: str, allowed: bool, tiny_bundle: Callable[..., Path], tmp_path: Path
) -> None:
    bundle = tiny_bundle()
    content = json.loads((bundle / "detect.pipeline").read_text(encoding="utf-8"))
    (stream,) = content
    content[stream]["sink9"] = {"factory": factory, "props": {"location": str(tmp_path / "out.json")}}
    pipeline = bundle / "own.pipeline"
    pipeline.write_text(json.dumps(content), encoding="utf-8")
    with (
        pytest.raises(ModelError) as caught,
        open_stream(Target(bundle, pipeline, on="host", write_outside=allowed), "detect"),
    ):
        pass
    refusal = f"sink9 writes to {tmp_path / 'out.json'}, outside the folder in which the stream runs"
    assert (refusal in str(caught.value)) is not allowed, "allowed, it fails later: nothing leads to the element"
    assert not (tmp_path / "out.json").exists()
