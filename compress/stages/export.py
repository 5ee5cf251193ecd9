"""export: write the bundle that the host and the board run, or a .pt for a stock ultralytics."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compress.cost.chips import DEFAULT_SOC
from compress.option import Settings, option
from compress.out_file import check_out_file
from compress.stages.inference import HEADS
from compress.stages.model import Model, Weights, name_of, open_model
from compress.stages.table import html_table
from compress.train.settings import network_side
from deploy.errors import ModelError, UsageError


@dataclass(frozen=True, kw_only=True)
class ExportSettings(Settings):
    """Of `export`: `out`, `stock` or both say what is written."""

    weights: Weights = option(metavar="FILE", also=(Model,), help="a checkpoint, or a .pt of YOLOv5 or ultralytics")
    imgsz: int | None = option(
        None, kind=network_side, help="side of the square network input in pixels (default: as trained)"
    )
    out: str | None = option(None, metavar="BUNDLE", help="the bundle's folder")
    head: str | None = option(
        None,
        choices=HEADS,
        help="the branch that the bundle of a YOLO26 or YOLOv10 has: one2one without NMS, or one2many with NMS "
        "(default: one2one)",
    )
    stock: str | None = option(
        None,
        metavar="FILE.pt",
        help="write a .pt that a stock ultralytics loads, validates, predicts with and exports (not: trains, "
        "for that rebuilds the dense model)",
    )
    names: str | None = option(None, metavar="FILE", help="class names, one a line, in place of those in the weights")
    images: str | None = option(
        None, metavar="DIR", help="JPEG images to prove the ONNX on (default: two of ultralytics')"
    )
    soc: str = option(DEFAULT_SOC, help="the chip, as ATC names it")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.out and not self.stock:
            raise UsageError("neither --out nor --stock is given: expected a bundle's folder or a .pt to write")
        if self.stock:
            inputs = [self.weights if isinstance(self.weights, (str, Path)) else None, self.names]
            check_out_file("--stock", Path(self.stock), ".pt", inputs)


@dataclass(frozen=True)
class ExportResult:
    """The files written.

    Attributes:
        bundle: the bundle's folder, absolute, or None.
        onnx_difference: the largest difference of the ONNX from torch, relative to the outputs' largest value.
        stock: the .pt for ultralytics, or None.
    """

    bundle: Path | None = None
    onnx_difference: float | None = None
    stock: Path | None = None

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.stock:
            found["stock"] = str(self.stock)
        if self.bundle:
            found.update(onnx_difference=self.onnx_difference, bundle=str(self.bundle))
        return found

    def _repr_html_(self) -> str:
        return html_table(("", ""), self.to_json().items())


def export(settings: ExportSettings) -> ExportResult:
    """Write the bundle (an existing one becomes OUT.prev), a .pt for ultralytics, or both.

    The ONNX is proved equal to torch before it is written. Raises UsageError for a folder that is no bundle, ModelError
    for weights that cannot be exported or names that do not fit, DataError for faulty names or images.
    """
    from compress.export.bundle import check_out, write_bundle
    from compress.export.onnx_file import to_onnx
    from compress.export.stock import write_stock
    from compress.graph.proof_images import proof_images

    if settings.out:
        check_out(settings.out)
    given = open_model(settings.weights)
    model = copy.deepcopy(given.detector)
    model.imgsz = imgsz = _side(given, settings.imgsz)
    if settings.names:
        model.names = _names(settings.names, given, settings)
    entry: dict[str, Any] = {
        "stage": "export",
        "settings": {"imgsz": imgsz, "soc": settings.soc},
        "sha256": given.sha256,
    }
    deployed = model.deployed(settings.head)
    stock = write_stock(model, settings.stock, [*given.history, entry]) if settings.stock else None
    if not settings.out:
        return ExportResult(stock=stock)
    if settings.head:
        entry["settings"]["head"] = settings.head
    onnx_model = to_onnx(deployed, imgsz, proof_images(settings.images, imgsz))
    entry["onnx_difference"] = onnx_model.difference
    bundle = write_bundle(deployed, onnx_model, settings.out, imgsz, [*given.history, entry], settings.soc)
    return ExportResult(bundle, onnx_model.difference, stock)


def _side(given: Model, asked: int | None) -> int:
    imgsz = given.imgsz if asked is None else asked
    coarsest = max(given.detector.stride)
    if not isinstance(imgsz, int) or imgsz % coarsest or not coarsest <= imgsz <= 4096:
        raise UsageError(f"--imgsz is {imgsz}, expected a multiple of {coarsest} up to 4096")
    return imgsz


def _names(file: str, given: Model, settings: ExportSettings) -> list[str]:
    from compute_mAP.class_names import read_names

    names = read_names(file)
    if len(names) != len(given.names):
        raise ModelError(f"{file}: has {len(names)} names, {name_of(settings.weights)} has {len(given.names)} classes")
    return names
