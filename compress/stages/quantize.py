"""quantize: a float bundle becomes an int8 one, in the two forms that Ascend's tools take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress.option import Settings, option
from compress.quantize.methods import LEARNING, METHODS, TRT, ranges_of
from compress.stages.table import html_table
from deploy.errors import UsageError

if TYPE_CHECKING:
    from compress.quantize.compared import Agreement
    from compress.quantize.quantization import Quantization
    from deploy.bundle import Bundle

_TUNED = {"group": "methods that learn (adaround, lsq)"}
_BUDGET = {"group": "a wanted mAP"}


@dataclass(frozen=True, kw_only=True)
class CalibrationSettings(Settings):
    """The bundle, and the images that its ranges are chosen by."""

    bundle: str | Path = option(kind=Path, place=True, metavar="BUNDLE", help="the float bundle's folder")
    calib: str | Path = option(
        kind=Path,
        metavar="IMAGES",
        help="training images to calibrate with: a data.yaml or a VOC devkit (its training split), or a folder",
    )
    count: int = option(64, low=1, high=100_000, help="images at most, spread evenly over those that are there")
    keep: tuple[str, ...] = option(
        (),
        many=True,
        metavar="PATTERN",
        help="leave the convolutions that match in float, such as '/model.0/*'; may be given several times",
    )
    per_tensor: bool = option(False, help="one scale for all weights of a layer instead of one for each output channel")


@dataclass(frozen=True, kw_only=True)
class QuantizeSettings(CalibrationSettings):
    """Of `quantize`."""

    method: str = option(
        "mse",
        choices=METHODS,
        help="how ranges are chosen; adaround and lsq then learn to round, trt is TensorRT's way (symmetric, entropy)",
    )
    equalize: bool = option(False, help="equalise weights across layers first, where nothing but ReLUs is between")
    correct_bias: bool = option(False, help="give every channel the float model's mean afterwards")
    steps: int = option(300, low=1, high=100_000, help="training steps for each block of two convolutions", **_TUNED)
    lr: float = option(
        1e-5, low=1e-9, high=1.0, help="learning rate of scales; rounding learns 1000 times faster", **_TUNED
    )
    seed: int = option(0, low=0, high=2**31 - 1, help="the same seed gives the same model", **_TUNED)
    memory: float = option(
        4.0, low=0.01, high=4096.0, help="GB that the images inside the network may take while blocks learn", **_TUNED
    )
    budget_drop: float | None = option(
        None,
        kind=float,
        metavar="POINTS",
        help="leave the fewest layers in float that keep mAP@0.5:0.95 within so many points (0.5: half a percent)",
        **_BUDGET,
    )
    devkit: str | Path | None = option(
        None,
        kind=Path,
        metavar="VOCDEVKIT",
        help="what --budget-drop is scored on (default: --calib, a devkit)",
        **_BUDGET,
    )
    image_set: str = option("val", metavar="NAME", help="the devkit's image set for --budget-drop", **_BUDGET)
    out: str | Path = option(kind=Path, metavar="BUNDLE", help="the int8 bundle's folder")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.budget_drop is None and self.devkit is not None:
            raise UsageError(f"--devkit is {self.devkit}, which only --budget-drop is scored on; give both")
        if self.budget_drop is not None and not 0 <= self.budget_drop <= 100:
            raise UsageError(f"--budget-drop is {self.budget_drop:g}, expected points of mAP, 0 to 100")
        if Path(self.out).resolve() == Path(self.bundle).resolve():
            raise UsageError(f"--out is {self.out}, the very bundle to quantise; expected another folder")


@dataclass(frozen=True)
class QuantizeResult:
    """An int8 bundle.

    Attributes:
        bundle: its folder, absolute.
        method: one of METHODS.
        layers: how many convolutions are int8, and how many there are.
        share: of the multiply-adds that are int8, 0..1.
        floats: why each of the others stays float, by name.
        size, float_size: bytes of the graph for ATC and of the float ONNX file.
        snr: of the raw outputs on the calibration images against the float model's, dB.
        lost: the share of the float model's findings there that are none any more, 0..1.
        score_difference: the mean difference of the scores at these, 0..1.
        notes: sentences on doubtful images.
    """

    bundle: Path
    method: str
    layers: tuple[int, int]
    share: float
    floats: dict[str, str]
    size: int
    float_size: int
    snr: float
    lost: float
    score_difference: float
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {
            "bundle": str(self.bundle),
            "method": self.method,
            "int8_layers": self.layers[0],
            "layers": self.layers[1],
            "int8_share": self.share,
            "float_layers": self.floats,
            "bytes": self.size,
            "float_bytes": self.float_size,
            "snr_db": self.snr,
            "lost": self.lost,
            "score_difference": self.score_difference,
            "notes": self.notes,
        }

    def _repr_html_(self) -> str:
        rows = [(key, value) for key, value in self.to_json().items() if isinstance(value, (str, int, float))]
        return html_table(("", self.method), rows)


def quantize(settings: QuantizeSettings, say: Callable[[str], None]) -> QuantizeResult:
    """Write the int8 bundle OUT, an existing one becomes OUT.prev; `say` gets sentences on the way.

    Both forms come of one quantisation: model.onnx (QDQ) is what the host runs in float numerics, model_deploy.onnx
    what ATC converts and the host runs in board numerics. Nothing is written where scores collapse.

    Raises UsageError for options that do not fit the model, DataError for faulty images, ModelError for a model that is
    no float32 bundle with raw heads and for one whose scores collapsed.
    """
    from compress.export.bundle import check_out
    from compress.quantize.bundle import write_int8_bundle
    from compress.quantize.deploy_graph import deploy_graph
    from compress.quantize.guard import check_scores, doubt
    from compress.quantize.qdq_graph import qdq_graph
    from compress.quantize.subject import open_subject
    from deploy.bundle import MODEL

    out = check_out(settings.out)
    judged = _judged_on(settings)
    subject = open_subject(settings, say)
    model, folded, equal = subject.model, subject.folded, 0
    if settings.equalize:
        from compress.quantize.equalize import equalize

        model, equal = equalize(model, subject.name)
        say(f"equalised {equal} pairs of convolutions")
    quantization = _quantized(settings, subject, model, out, say)
    if judged is not None and settings.budget_drop is not None:
        from compress.quantize.budget import within_budget

        quantization = within_budget(
            subject, model, quantization, judged, settings.image_set, settings.budget_drop, say
        )
    found = check_scores(model, quantization, subject.images, subject.outputs, len(subject.bundle.names), subject.name)
    notes = list(subject.notes)
    if doubtful := doubt(found, settings.method):
        notes.append(doubtful)
        say(f"warning: {doubtful}")
    qdq = qdq_graph(model, quantization, subject.name)
    deploy = deploy_graph(model, quantization)
    entry = _entry(settings, subject.bundle, folded, equal)
    report = _report(settings, subject.listed, quantization, found)
    write_int8_bundle(subject.bundle, out, qdq, deploy, report, _summary(settings, quantization), entry)
    if settings.method in LEARNING:
        from compress.quantize.learn.progress_file import progress_path

        progress_path(out).unlink(missing_ok=True)
    return QuantizeResult(
        out,
        settings.method,
        (len(quantization.whole), len(quantization.layers)),
        quantization.share,
        {layer.name: layer.kept for layer in quantization.layers if layer.kept},
        deploy.ByteSize(),
        (subject.bundle.folder / MODEL).stat().st_size,
        found.snr,
        found.lost,
        found.score_difference,
        notes,
    )


def _judged_on(settings: QuantizeSettings) -> Path | None:
    """The devkit that --budget-drop is scored on: looked at before the long work."""
    if settings.budget_drop is None:
        return None
    from compute_mAP.voc_devkit import find_devkit

    folder = Path(settings.devkit or settings.calib)
    if settings.devkit is None and not folder.is_dir():
        raise UsageError(
            f"--budget-drop is scored on a VOC devkit, and --calib is {folder}; name the devkit with --devkit"
        )
    find_devkit(folder, image_set=settings.image_set).read_image_set()
    return folder


def _quantized(
    settings: QuantizeSettings, subject: Any, model: Any, out: Path, say: Callable[[str], None]
) -> Quantization:
    from compress.quantize.calibrate import calibrated

    ranges, per_channel = ranges_of(settings.method), not settings.per_tensor
    quantization = calibrated(model, subject.layers, subject.images, ranges, settings.method == TRT, per_channel)
    if settings.method in LEARNING:
        from compress.quantize.learn.reconstruct import Learning, reconstruct

        learning = Learning(settings.method, settings.steps, settings.lr, settings.seed, settings.memory)
        quantization = reconstruct(model, quantization, subject.images, learning, out, say)
    if settings.correct_bias:
        from compress.quantize.correct_bias import correct_bias

        quantization = correct_bias(model, quantization, subject.images)
    return quantization


def _entry(settings: QuantizeSettings, bundle: Bundle, folded: int, equal: int) -> dict[str, Any]:
    from deploy.bundle import MODEL

    chosen = {name: getattr(settings, name) for name in ("method", "per_tensor", "count", "correct_bias")}
    if settings.method in LEARNING:
        chosen.update({name: getattr(settings, name) for name in ("steps", "lr", "seed")})
    return {
        "stage": "quantize",
        "settings": {**chosen, "keep": list(settings.keep), "calib": Path(settings.calib).name},
        "sha256": bundle.description["files"][MODEL],
        "batch_norms_folded": folded,
        "pairs_equalised": equal,
    }


def _summary(settings: QuantizeSettings, quantization: Quantization) -> dict[str, Any]:
    from compress.quantize.bundle import CHIPS

    return {
        "precision": "int8",
        "chips": list(CHIPS),
        "method": settings.method,
        "int8_layers": len(quantization.whole),
        "layers": len(quantization.layers),
        "int8_share": round(quantization.share, 4),
    }


def _report(
    settings: QuantizeSettings, images: list[dict[str, str]], quantization: Quantization, found: Agreement
) -> dict[str, Any]:
    layers = []
    for layer in quantization.layers:
        row: dict[str, Any] = {
            "layer": layer.name,
            "input": layer.source,
            "channels": layer.channels,
            "macs": layer.macs,
        }
        if layer.kept:
            layers.append({**row, "float": layer.kept})
            continue
        activation, weights = quantization.activations[layer.source], quantization.weights[layer.name]
        row.update(input_scale=activation.scale, input_offset=activation.offset)
        layers.append({**row, "weight_scale": weights.scale.astype(float).tolist()})
    agreement = {"snr_db": found.snr, "cosine": found.cosine, "lost": found.lost, "new": found.new}
    return {
        "schema_version": 1,
        "kind": "quantization",
        "method": settings.method,
        "int8_share": quantization.share,
        "on_calibration_images": {**agreement, "score_difference": found.score_difference},
        "layers": layers,
        "images": images,
    }
