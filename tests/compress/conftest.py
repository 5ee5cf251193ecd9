"""What the tests of the laptop side share: a tiny detector whose pruning is not trivial, and a tiny data set."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from compress.channels.flow import ChannelFlow, channel_flow
from compress.export.onnx_file import OnnxModel, to_onnx
from compress.graph.proof_images import proof_images
from compress.nets.family import architecture, build
from compress.nets.yolov5 import Yolov5
from compress.nets.yolov8 import AnchorFree
from compress.prune.plan import GroupPlan, Plan
from tests.compress import hub
from tests.compress.one_export import export_once
from tests.compress.quick_copies import quick_copy

COLOURS = ((40, 40, 230), (40, 230, 40), (230, 40, 40), (230, 230, 40), (230, 40, 230))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """The models here are too small to gain from threads."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def one_export_an_architecture() -> Iterator[None]:
    """Also in the processes of tests/compress/processes.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("compress.channels.flow.export_graph", export_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def quick_copies() -> Iterator[None]:
    """Also in the processes of tests/compress/processes.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.Module, "__deepcopy__", quick_copy, raising=False)
        yield


def randomise(model: nn.Module, seed: int = 0, side: int = 64) -> None:
    """Give every batch norm gammas and betas of its own, some gammas near zero, and statistics of what it sees.

    Without the statistics an image's differences would die away on their long way through fresh layers, and an error
    in an early layer with them.
    """
    generator = torch.Generator().manual_seed(seed)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    with torch.no_grad():
        for norm in norms:
            norm.weight.copy_(torch.rand(norm.weight.shape, generator=generator) * 1.6 + 0.02)
            norm.bias.copy_(torch.rand(norm.bias.shape, generator=generator) * 0.8 - 0.4)
            norm.momentum = 1.0
        model.train()(torch.rand(8, 3, side, side, generator=generator))
        for norm in norms:
            norm.momentum = 0.03


@pytest.fixture(scope="session")
def tiny_model() -> Callable[..., Yolov5]:
    """Makes a YOLOv5 of an eighth of the width, in eval mode; the same arguments give the same weights.

    `overrides` replaces keys of the architecture.
    """

    made: dict[str, Yolov5] = {}

    def make(names: Sequence[str] = ("a", "b", "c"), seed: int = 0, imgsz: int = 64, **overrides: object) -> Yolov5:
        key = repr((list(names), seed, imgsz, overrides))
        if key not in made:
            made[key] = build(names, seed, imgsz, overrides)
        return copy.deepcopy(made[key])

    def build(names: Sequence[str], seed: int, imgsz: int, overrides: dict[str, object]) -> Yolov5:
        arch = {**architecture("yolov5n", len(names)), "width_multiple": 0.125, **overrides}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = Yolov5(arch, list(names), imgsz)
        randomise(model, seed)
        return model.eval()

    return make


@pytest.fixture(scope="session")
def least_model(tiny_model: Callable[..., Yolov5]) -> Callable[..., Yolov5]:
    """`tiny_model` with a third of the layers, for tests to which a network is a network: all takes a third there."""
    return partial(tiny_model, **hub.least())


@pytest.fixture(scope="session")
def tiny_free() -> Callable[..., AnchorFree]:
    """Makes an anchor-free detector in eval mode, at an eighth of the width unless `width` says otherwise."""
    made: dict[str, AnchorFree] = {}

    def make(
        cfg: str = "yolov8n", names: Sequence[str] = ("a", "b", "c"), seed: int = 0, width: float = 0.125
    ) -> AnchorFree:
        key = repr((cfg, list(names), seed, width))
        if key not in made:
            arch = {**hub.scaled(cfg, width=width), "nc": len(names)}
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                model = cast(AnchorFree, build(arch, list(names), 64))
            randomise(model, seed, 2 * max(model.stride))
            made[key] = model.eval()
        return copy.deepcopy(made[key])

    return make


@pytest.fixture(scope="session")
def free_flow(tiny_free: Callable[..., AnchorFree]) -> Callable[..., ChannelFlow]:
    """The channel flow of `tiny_free(cfg, width=width)`; tracing costs a second or two. Tests leave it as it is."""

    @cache
    def flow(cfg: str, width: float = 0.125) -> ChannelFlow:
        return channel_flow(tiny_free(cfg, width=width), torch.zeros(1, 3, 64, 64))

    return flow


@pytest.fixture
def tiny_data(tmp_path: Path, write_tiny_data: Callable[..., Path]) -> Callable[..., Path]:
    """`write_tiny_data` into a folder of tmp_path."""

    def make(
        names: Sequence[str] = ("a", "b", "c"),
        counts: tuple[int, int, int] = (8, 4, 4),
        folder: str = "tiny",
        seed: int = 0,
    ) -> Path:
        return write_tiny_data(tmp_path / folder, names, counts, seed)

    return make


@pytest.fixture(scope="session")
def write_tiny_data() -> Callable[..., Path]:
    """Writes a YOLO data set of bright rectangles on noise, class i in colour i, and returns its data.yaml.

    JPEG images of 96x80 pixels with 1 to 3 objects each; the last image of each split has none.
    """

    def make(
        root: Path, names: Sequence[str] = ("a", "b", "c"), counts: tuple[int, int, int] = (8, 4, 4), seed: int = 0
    ) -> Path:
        random = np.random.default_rng(seed)
        for split, count in zip(("train", "val", "test"), counts, strict=True):
            for part in ("images", "labels"):
                (root / part / split).mkdir(parents=True)
            for number in range(count):
                image = random.integers(0, 90, (80, 96, 3), dtype=np.uint8)
                lines = []
                for _ in range(0 if number == count - 1 else random.integers(1, 4)):
                    kind = int(random.integers(len(names)))
                    width, height = (int(v) for v in random.integers(14, 40, 2))
                    x, y = int(random.integers(0, 96 - width)), int(random.integers(0, 80 - height))
                    image[y : y + height, x : x + width] = COLOURS[kind % len(COLOURS)]
                    box = ((x + width / 2) / 96, (y + height / 2) / 80, width / 96, height / 80)
                    lines.append(f"{kind} " + " ".join(f"{v:.6f}" for v in box))
                cv2.imwrite(str(root / "images" / split / f"{split}{number}.jpg"), image)
                (root / "labels" / split / f"{split}{number}.txt").write_text("\n".join(lines), encoding="utf-8")
        listed = "".join(f"  {i}: {name}\n" for i, name in enumerate(names))
        text = f"train: images/train\nval: images/val\ntest: images/test\nnames:\n{listed}"
        (root / "data.yaml").write_text(text, encoding="utf-8")
        return root / "data.yaml"

    return make


EXPORTED_SIDE = 64


@pytest.fixture(scope="session")
def exported(tiny_model: Callable[..., Yolov5]) -> tuple[Yolov5, OnnxModel]:
    """The tiny detector with the classes a, b, c and its ONNX for 64 x 64 pixels, proved on real images."""
    model = tiny_model()
    return model, to_onnx(model, EXPORTED_SIDE, proof_images(None, EXPORTED_SIDE))


@pytest.fixture(scope="session")
def tiny_flow(tiny_model: Callable[..., Yolov5]) -> ChannelFlow:
    """The flow of `tiny_model()`; it does not depend on the weights. Tests leave it as it is."""
    return channel_flow(tiny_model(), torch.zeros(1, 3, 64, 64))


@pytest.fixture(scope="session")
def least_flow(least_model: Callable[..., Yolov5]) -> ChannelFlow:
    """The flow of `least_model()`."""
    return channel_flow(least_model(), torch.zeros(1, 3, 64, 64))


@pytest.fixture(scope="session")
def nano_flow(tiny_model: Callable[..., Yolov5]) -> ChannelFlow:
    """The flow of a YOLOv5n, `tiny_model(width_multiple=0.25)`."""
    return channel_flow(tiny_model(width_multiple=0.25), torch.zeros(1, 3, 64, 64))


@pytest.fixture(scope="session")
def random_plan() -> Callable[[ChannelFlow, int], Plan]:
    """Makes a plan that keeps a random, non-empty part of every group that may be cut."""

    def make(flow: ChannelFlow, seed: int) -> Plan:
        random = np.random.default_rng(seed)
        groups = []
        for group in flow.groups:
            width = len(group.classes)
            count = width if group.pinned else int(random.integers(1, width + 1))
            kept = sorted(random.choice(width, count, replace=False).tolist())
            removed = sorted(set(range(width)) - set(kept))
            score = [] if group.pinned else [1.0] * width
            groups.append(GroupPlan(group.name, group.convolutions, width, kept, removed, score, "at random"))
        return Plan({"percent": 0.5}, 1, 0.0, groups)

    return make
