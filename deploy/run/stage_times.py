"""The times of a stream's elements, gathered into what the elements are for."""

from __future__ import annotations

from collections.abc import Mapping

STAGES = ("decode", "resize", "infer", "post")
_STAGE_OF = {
    "mxpi_imagedecoder": "decode",
    "mxpi_videodecoder": "decode",
    "mxpi_imageresize": "resize",
    "mxpi_imagecrop": "resize",
    "mxpi_tensorinfer": "infer",
    "mxpi_modelinfer": "infer",
    "mxpi_objectpostprocessor": "post",
    "mxpi_classpostprocessor": "post",
}


def stages_ms(plugins_ms: Mapping[str, float], factories: Mapping[str, str]) -> dict[str, float]:
    """Milliseconds an image in each of STAGES that the stream has; {} where no element was timed.

    `factories` has the factory of each element by its name. mxpi_modelinfer decodes the heads too, so that a stream
    with it has no "post"; what the stream does beyond these four is in none of them.
    """
    found: dict[str, float] = {}
    for name, value in plugins_ms.items():
        stage = _STAGE_OF.get(factories.get(name, ""))
        if stage:
            found[stage] = found.get(stage, 0.0) + value
    return {stage: found[stage] for stage in STAGES if stage in found}
