"""Rules about the sizes and shapes that mxpi_imageresize makes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from deploy.host.check.libraries import OLD_YOLO
from deploy.host.check.stream_view import DECODERS, MODELS, StreamView, processor, whole
from deploy.host.check.surroundings import Surroundings
from deploy.host.pipeline.element_text import ElementText
from deploy.host.pipeline.findings import ERROR, WARNING, Finding
from deploy.sdk_codes import INVALID_IMAGE_HEIGHT, INVALID_IMAGE_WIDTH, MEMORY_TYPE_MISMATCH

ASCEND_TYPES = (
    "Resizer_Stretch",
    "Resizer_KeepAspectRatio_FastRCNN",
    "Resizer_KeepAspectRatio_Fit",
    "Resizer_OnlyPadding",
)
BY_SIDE = ("Resizer_KeepAspectRatio_Long", "Resizer_KeepAspectRatio_Short")
UNMAPPED = ("Resizer_OnlyPadding", *BY_SIDE, "Resizer_PaddleOCR")
POST_PROCESSORS = ("mxpi_objectpostprocessor", "mxpi_modelinfer")


def resize_findings(view: StreamView, around: Surroundings) -> Iterator[Finding]:
    for element in view.of("mxpi_imageresize"):
        yield from _size(view, element, around)
        yield from _processor(view, element)
        yield from _mapping(view, element)


def _size(view: StreamView, element: ElementText, around: Surroundings) -> Iterator[Finding]:
    where = view.where(element)
    width, height = whole(element, "resizeWidth"), whole(element, "resizeHeight")
    models = [other for other in view.behind(element) if other.factory in MODELS]
    if not width and not height:
        if not models and element.text("resizeType") not in (*BY_SIDE, "Resizer_KeepAspectRatio_FastRCNN"):
            sentence = f"{where}: resizeWidth and resizeHeight are 0 and no model follows whose size it could take"
            yield Finding(element.line, WARNING, sentence, INVALID_IMAGE_WIDTH)
        return
    for key, value, low, code in (
        ("resizeWidth", width, 32, INVALID_IMAGE_WIDTH),
        ("resizeHeight", height, 6, INVALID_IMAGE_HEIGHT),
    ):
        if value < low and element.text(key).isdigit():
            sentence = f"{where}: {key} is {value}; VPC makes images from {low} to 4096 px"
            yield Finding(element.line_of(key), ERROR, sentence, code)
    if processor(element) == "opencv":
        return
    for key, value, step in (("resizeWidth", width, 16), ("resizeHeight", height, 2)):
        if value % step:
            sentence = (
                f"{where}: {key} is {value}, no multiple of {step}: VPC aligns the image to "
                f"{-(-value // step) * step}, which is then not the model's size"
            )
            severity = ERROR if any(_takes_whole(model, around) for model in models) else WARNING
            yield Finding(element.line_of(key), severity, sentence)


def _takes_whole(model: ElementText, around: Surroundings) -> bool:
    """Whether it is known that the model takes images as they come: an AIPP file that crops takes an aligned image."""
    name = model.text("modelPath")
    read = around.aipp(name)
    return read[1]["crop"] != "true" if read is not None else around.graph(name) is not None


def _processor(view: StreamView, element: ElementText) -> Iterator[Finding]:
    where, kind = view.where(element), element.text("resizeType")
    source = view.source(element, "parentName", "dataSource")
    if source is not None and source.factory in DECODERS and processor(source) != processor(element):
        key = "handleMethod" if element.text("handleMethod") else "cvProcessor"
        if source.factory == "mxpi_imagedecoder":
            sentence = (
                f"{where}: it resizes by {processor(element)} what {source.name} decodes by {processor(source)}; "
                "the memory of one is not that of the other"
            )
            yield Finding(element.line_of(key), ERROR, sentence, MEMORY_TYPE_MISMATCH)
    opencv = processor(element) == "opencv"
    if not opencv and kind not in ASCEND_TYPES and kind:
        sentence = f"{where}: only OpenCV resizes by {kind}; the chip stretches and records {kind}"
        yield Finding(element.line_of("resizeType"), WARNING, sentence)
    if opencv and element.text("RGBValue"):
        sentence = f"{where}: RGBValue is for the chip; OpenCV pads with paddingColorR, G and B"
        yield Finding(element.line_of("RGBValue"), WARNING, sentence)
    for name in ("paddingColorR", "paddingColorG", "paddingColorB", "paddingHeight", "paddingWidth"):
        if not opencv and name in element.props:
            yield Finding(element.line_of(name), WARNING, f"{where}: {name} is for OpenCV; the chip ignores it")


def _mapping(view: StreamView, element: ElementText) -> Iterator[Finding]:
    """Whether the boxes find back to the original image."""
    where, kind = view.where(element), element.text("resizeType")
    behind = view.behind(element)
    readers = [other for other in behind if other.factory in POST_PROCESSORS and other.text("postProcessLibPath")]
    if not readers:
        return
    if element.text("paddingType") == "Padding_Around":
        sentence = f"{where}: no post-processor subtracts the offset of Padding_Around, so the boxes come out shifted"
        yield Finding(element.line_of("paddingType"), WARNING, sentence)
    libraries = {PurePosixPath(reader.text("postProcessLibPath")).name for reader in readers}
    if OLD_YOLO in libraries and kind != "Resizer_KeepAspectRatio_Fit":
        sentence = f"{where}: {OLD_YOLO} maps every box back as from Resizer_KeepAspectRatio_Fit, also from {kind}"
        yield Finding(element.line_of("resizeType"), WARNING, sentence)
    elif kind in UNMAPPED and any(reader.factory == "mxpi_objectpostprocessor" for reader in readers):
        sentence = f"{where}: the SDK does not map boxes back from {kind}; they stay in 0..1"
        yield Finding(element.line_of("resizeType"), WARNING, sentence)
