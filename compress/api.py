"""The compressor in Python: load, train, sparsify, prune, search, finetune, export, sensitivity, quantize,
verify, evaluate.

    from compress import api

    dense = api.load("yolov5n.pt")
    small = api.prune(dense, percent=0.5, align=8)
    api.export(small.model, "bundle", imgsz=320)
    print(api.evaluate("bundle", "VOCdevkit").map50)

Beside what it is given by place, each function takes the options of the verb of its name as keywords, with _ for -;
`help(api.prune)` lists them with their defaults, `python -m compress prune --help` says what they mean. A model is a
path (a checkpoint of ours, a .pt of YOLOv5 or ultralytics) or what another function returned, and stays as it is.

Errors are those of deploy/errors.py, one sentence each: UsageError for an option, DataError for a data set,
ModelError for weights, a plan or a bundle, ReportedError for what fails on the way. Importing this module imports no
torch; the first call that needs it does. Progress and warnings go to stderr, which Jupyter shows, and results are
tables there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import MISSING, fields
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any, TypeVar

from compress.stages import evaluate as _evaluate
from compress.stages import export as _export
from compress.stages import prune as _prune
from compress.stages import quantize as _quantize
from compress.stages import search as _search
from compress.stages import sensitivity as _sensitivity
from compress.stages import train as _train
from compress.stages import verify as _verify
from compress.stages.evaluate import EvaluateResult, EvaluateSettings
from compress.stages.export import ExportResult, ExportSettings
from compress.stages.model import Model, Weights, open_model
from compress.stages.prune import PruneResult
from compress.stages.prune_settings import PruneSettings
from compress.stages.quantize import QuantizeResult, QuantizeSettings
from compress.stages.search import SearchResult
from compress.stages.search_settings import SearchSettings
from compress.stages.sensitivity import SensitivityResult, SensitivitySettings
from compress.stages.train import DenseSettings, FinetuneSettings, SparsifySettings, TrainingResult
from compress.stages.verify import VerifyResult, VerifySettings
from deploy.errors import UsageError
from deploy.wording import nearest

__all__ = [
    "Model",
    "evaluate",
    "export",
    "finetune",
    "load",
    "prune",
    "quantize",
    "search",
    "sensitivity",
    "sparsify",
    "train",
    "verify",
]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _takes(settings: type) -> Callable[[_Function], _Function]:
    """Give a function, for help() and completion, the options of its settings in place of its **options."""

    def signed(function: _Function) -> _Function:
        own = [entry for entry in Signature.from_callable(function).parameters.values() if entry.name != "options"]
        taken = {"weights", "data", "model", *(entry.name for entry in own)} if own else set()
        more = [
            Parameter(entry.name, Parameter.KEYWORD_ONLY, default=entry.default)
            for entry in fields(settings)
            if entry.default is not MISSING and entry.name not in taken
        ]
        function.__signature__ = Signature([*own, *more])  # type: ignore[attr-defined]
        return function

    return signed


def load(weights: str | Path) -> Model:
    """A model with its history from a checkpoint of ours, or a .pt of YOLOv5 or ultralytics; no pickle is executed.

    `model.detector` is the torch module, fp32 in eval mode: float32 [n, 3, h, w], RGB in 0..1, to its raw outputs.
    Raises ModelError for any other file.
    """
    return open_model(weights)


@_takes(DenseSettings)
def train(data: str | Path, **options: Any) -> TrainingResult:
    """Train a dense detector on the data set of a data.yaml, from `weights` or from the architecture `cfg`.

        dense = api.train("set/data.yaml", cfg="yolov5n", epochs=100, imgsz=320)
        dense.model, dense.metrics["map50"]  # 0..1

    The run's folder is project/name ("runs/train"); one that is there becomes NAME.prev.
    """
    return _train.train(_settings(DenseSettings, data=data, **options), _say)


@_takes(SparsifySettings)
def sparsify(weights: Weights, data: str | Path, **options: Any) -> TrainingResult:
    """Train with a penalty on the batch-norm gammas, so that channels can be removed.

    sparse = api.sparsify(dense.model, "set/data.yaml", sr=0.001, epochs=100)
    """
    return _train.sparsify(_settings(SparsifySettings, weights=weights, data=data, **options), _say)


@_takes(PruneSettings)
def prune(weights: Weights, **options: Any) -> PruneResult:
    """Remove channels, prove the cut, and fold what the removed channels emitted into the layers behind them.

        small = api.prune(sparse.model, percent=0.5, align=8)
        small.model, small.plan, small.before["flops"], small.after["parameters"]

    One goal: percent (share of channels to remove, 0..1), threshold, flops, params, latency (ms) or uniform. Nothing
    is written without `out`. Raises UsageError for a goal that cannot be reached, naming the limit.
    """
    return _prune.prune(_settings(PruneSettings, weights=weights, **options))


@_takes(SearchSettings)
def search(weights: Weights, data: str | Path, **options: Any) -> SearchResult:
    """Find the best of many width configurations within a budget, without training, and cut it out.

        found = api.search(dense.model, "set/data.yaml", remain_ratio=0.5, candidates=200)
        found.model, found.map50  # on held-out training images, 0..1

    The folder project/name ("runs/search") receives a journal that `resume=True` goes on with.
    """
    return _search.search(_settings(SearchSettings, weights=weights, data=data, **options), _say)


@_takes(FinetuneSettings)
def finetune(weights: Weights, data: str | Path, **options: Any) -> TrainingResult:
    """Train a pruned detector until it has recovered.

    tuned = api.finetune(small.model, "set/data.yaml", epochs=100)
    """
    return _train.finetune(_settings(FinetuneSettings, weights=weights, data=data, **options), _say)


@_takes(ExportSettings)
def export(weights: Weights, out: str | Path | None = None, **options: Any) -> ExportResult:
    """Write the bundle that the host and the board run; an older one becomes OUT.prev. `imgsz` is in pixels.

    api.export(tuned.model, "bundle", imgsz=320).onnx_difference  # the ONNX against torch, relative
    """
    return _export.export(_settings(ExportSettings, weights=weights, out=out, **options))


@_takes(QuantizeSettings)
def quantize(bundle: str | Path, out: str | Path, calib: str | Path, **options: Any) -> QuantizeResult:
    """Make an int8 bundle of a float one, calibrated with training images through the bundle's own pipeline.

    small = api.quantize("bundle", "bundle-int8", "VOCdevkit", method="lsq")
    small.share, small.snr, small.floats  # of the multiply-adds; dB; what stays float, and why
    """
    return _quantize.quantize(_settings(QuantizeSettings, bundle=bundle, out=out, calib=calib, **options), _say)


@_takes(SensitivitySettings)
def sensitivity(bundle: str | Path, calib: str | Path, **options: Any) -> SensitivityResult:
    """Rank the layers of a float bundle by what they cost on int8, alone and together with the cheaper ones.

        found = api.sensitivity("bundle", "VOCdevkit", method="percentile")
        found.costs[0].layer, found.costs[0].alone.snr, found.costs[0].alone.lost  # dB; 0..1

    Nothing is written without `out`.
    """
    return _sensitivity.sensitivity(_settings(SensitivitySettings, bundle=bundle, calib=calib, **options), _say)


@_takes(VerifySettings)
def verify(bundle: str | Path, **options: Any) -> VerifyResult:
    """Check a bundle's hashes, and climb the ladder: whether all forms of its model agree on the same images.

        found = api.verify("bundle", images="VOCdevkit", made_of=["best.safetensors"])
        found.fault, found.rungs[-1].matched  # "" where everything holds; 0..1

    Nothing is written.
    """
    return _verify.verify(_settings(VerifySettings, bundle=bundle, **options), _say)


@_takes(EvaluateSettings)
def evaluate(bundle: str | Path, devkit: str | Path, **options: Any) -> EvaluateResult:
    """mAP of a bundle on a VOC devkit through the bundle's own pipeline, as `run.sh eval` has it.

        result = api.evaluate("bundle", "VOCdevkit")
        result.map50, result.map50_95, result.ap50["qr"]  # 0..1; None for a class without objects

    The detections go to OUT/txt_result, by default in the current folder.
    """
    return _evaluate.evaluate(_settings(EvaluateSettings, model=bundle, devkit=devkit, **options))


def _settings(kind: Any, **values: Any) -> Any:
    known = [entry.name for entry in fields(kind)]
    for name in values:
        if name not in known:
            raise UsageError(f"there is no option {name!r}{nearest(name, known)}, expected one of {', '.join(known)}")
    plain = {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}
    return kind(**plain)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)
