"""What each verb of the command line does: it reads files, calls one stage, and prints what came of it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from compute_mAP.class_names import read_names
from compute_mAP.errors import UsageError


def data_codes(options: argparse.Namespace) -> None:
    from tqdm import tqdm

    from compress.data.codes.make_codes import make_codes

    with tqdm(total=options.images, desc="pictures", file=sys.stderr, leave=False) as bar:
        report = make_codes(Path(options.out), options.images, options.seed, on_picture=lambda _: bar.update())
    _print(options, {"images": report.images, "objects": report.objects}, _counts(report.images, report.objects))


def data_voc2yolo(options: argparse.Namespace) -> None:
    from compress.data.voc2yolo import voc2yolo

    names = read_names(options.names) if options.names else None
    report = voc2yolo(Path(options.voc), Path(options.out), names=names, year=options.year)
    for problem in report.problems:
        print(f"warning: {problem}", file=sys.stderr)
    for note in report.notes:
        print(f"note: {note}", file=sys.stderr)
    _print(options, {"images": report.images, "objects": report.objects}, _counts(report.images, report.objects))


def training(options: argparse.Namespace) -> None:
    import torch

    from compress.data.data_yaml import load_data_yaml
    from compress.nets.weights import open_weights, with_classes
    from compress.nets.yolov5 import Yolov5, architecture
    from compress.train.loop import train
    from compress.train.run_folder import RunFolder
    from compress.train.settings import TrainSettings

    settings = TrainSettings(
        data=options.data,
        epochs=options.epochs,
        batch_size=options.batch_size,
        imgsz=options.imgsz,
        lr0=options.lr0,
        optimizer=options.optimizer,
        workers=options.workers,
        seed=options.seed,
        sr=getattr(options, "sr", 0.0),
        sparsity=getattr(options, "sparsity", "subgradient"),
    )
    names = load_data_yaml(options.data).names
    torch.manual_seed(settings.seed)  # for layers that start from random weights
    if options.weights:
        model, history = open_weights(options.weights)
        if options.stage == "train" and model.names != names:
            print(f"the head starts anew for the {len(names)} classes of {options.data}", file=sys.stderr)
            model = with_classes(model, names)
    elif options.stage != "finetune":
        if not options.cfg:
            raise UsageError(
                "neither --weights nor --cfg is given: expected a checkpoint or an architecture to start from"
            )
        model, history = Yolov5(architecture(options.cfg, len(names)), names, options.imgsz), []
    else:
        raise UsageError("--weights is missing: finetune needs the checkpoint of the stage before")
    result = train(model, history, settings, RunFolder(options.project, options.name, options.resume), options.stage)
    _print(
        options,
        {"best": str(result.best), "last": str(result.last), "epoch": result.epoch, **result.metrics},
        str(result.best),
    )


def prune(options: argparse.Namespace) -> None:
    import torch

    from compress.nets.checkpoint import file_sha256, save_checkpoint
    from compress.nets.weights import open_weights
    from compress.prune import surgery
    from compress.prune.choose import choose
    from compress.prune.cost import flops, parameters
    from compress.prune.flow import channel_flow
    from compress.prune.fold import fold_constants

    out = Path(options.out)
    if out.suffix != ".safetensors":
        raise UsageError(f"--out is {out}, expected a file that ends in .safetensors")
    if out.exists() and Path(options.weights).resolve() == out.resolve():
        raise UsageError(f"--out is {out}, the very checkpoint to prune; expected another file")
    model, history = open_weights(options.weights)
    flow = channel_flow(model, torch.zeros(1, 3, 64, 64))
    plan = choose(model, flow, options.percent, options.align)
    slim, difference = surgery.prune(model, flow, plan)
    if options.fold:
        slim = surgery.cut(fold_constants(model, flow, plan), flow, plan)
    before = {"parameters": parameters(model), "flops": flops(model, model.imgsz)}
    after = {"parameters": parameters(slim), "flops": flops(slim, model.imgsz)}
    entry = {
        "stage": "prune",
        "settings": {"percent": options.percent, "align": options.align, "fold": options.fold},
        "sha256": file_sha256(options.weights),
        "removed_share": round(plan.removed_share(), 4),
        "masked_difference": difference,
        **after,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    plan_file = out.with_suffix(".plan.json")
    plan.save(plan_file)
    save_checkpoint(slim, out, [*history, entry])
    summary = (
        f"{plan.table()}\n"
        f"removed {plan.removed_share():.1%} of the channels, alignment {options.align}\n"
        f"parameters {before['parameters'] / 1e6:.3f} M -> {after['parameters'] / 1e6:.3f} M, "
        f"FLOPs {before['flops'] / 1e9:.3f} G -> {after['flops'] / 1e9:.3f} G at {model.imgsz} px\n"
        f"masked and pruned model agree within {difference:.1e} of the output's scale\n"
        f"{out}\n{plan_file}"
    )
    result = {"weights": str(out), "plan": str(plan_file), "before": before, "after": after}
    _print(options, {**result, "removed_share": plan.removed_share(), "masked_difference": difference}, summary)


def export(options: argparse.Namespace) -> None:
    from compress.export.bundle import check_out, write_bundle
    from compress.export.onnx_file import to_onnx
    from compress.export.proof_pictures import proof_pictures
    from compress.nets.checkpoint import file_sha256
    from compress.nets.weights import open_weights
    from compute_mAP.errors import ModelError

    check_out(options.out)
    model, history = open_weights(options.weights)
    imgsz = model.imgsz if options.imgsz is None else options.imgsz
    if imgsz % 32 or not 32 <= imgsz <= 4096:
        raise UsageError(f"--imgsz is {imgsz}, expected a multiple of 32 from 32 to 4096")
    if options.names:
        names = read_names(options.names)
        if len(names) != len(model.names):
            raise ModelError(
                f"{options.names}: has {len(names)} names, {options.weights} has {len(model.names)} classes"
            )
        model.names = names
    onnx_model = to_onnx(model, imgsz, proof_pictures(options.images, imgsz))
    entry = {
        "stage": "export",
        "settings": {"imgsz": imgsz, "soc": options.soc},
        "sha256": file_sha256(options.weights),
        "onnx_difference": onnx_model.difference,
    }
    out = write_bundle(model, onnx_model, options.out, imgsz, [*history, entry], options.soc)
    text = f"ONNX and torch agree within {onnx_model.difference:.1e} of the output's scale\n{out}"
    _print(options, {"bundle": str(out), "onnx_difference": onnx_model.difference}, text)


def demo(options: argparse.Namespace) -> None:
    from compress.demo import run_demo
    from compress.report.comparison import COLUMNS, text_table

    rows = run_demo(options.compress, Path(options.out), options.images, options.epochs, options.percent)
    models = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    _print(options, {"models": models}, text_table(rows))


def _counts(images: dict[str, int], objects: dict[str, int]) -> str:
    pictures = ", ".join(f"{name} {count}" for name, count in images.items())
    return f"pictures: {pictures}\nobjects: {', '.join(f'{name} {count}' for name, count in objects.items())}"


def _print(options: argparse.Namespace, result: dict[str, Any], text: str) -> None:
    print(json.dumps({"schema_version": 1, **result}) if options.json else text)
