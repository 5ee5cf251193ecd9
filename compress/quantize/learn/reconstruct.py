"""Block after block learns to give, from what the quantised blocks before it give, what the float model gives (BRECQ,
Li et al. 2021): how weights are rounded (adaround), or weights and scales (lsq). A block that gets no better stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from compress.graph.graph_facts import GraphFacts
from compress.quantize.arithmetic import Activation, QuantizedWeights, quantised_weights, whole_bias
from compress.quantize.deploy_graph import deploy_graph
from compress.quantize.float_run import FloatRun, up_to
from compress.quantize.images import evenly
from compress.quantize.learn.blocks import FakeQuant, Step, blocks
from compress.quantize.learn.progress_file import ProgressFile
from compress.quantize.learn.rounding import STRETCH_LR, AdaRoundWeight, LsqWeight
from compress.quantize.quantization import Quantization
from deploy.errors import UsageError
from deploy.host.model.ascend_int8 import FUSIONS, lowered

BATCH = 4
_COPIES = 6
"""How often torch keeps a tensor of a batch to learn: as it came, divided, rounded, clipped, and gradients."""
_GB = 1e9


@dataclass(frozen=True)
class Learning:
    """`method` is "adaround" or "lsq"; `memory` in GB bounds the images' tensors in memory at one time."""

    method: str
    steps: int
    lr: float
    seed: int
    memory: float


@dataclass(frozen=True)
class _Examples:
    """A block's inputs in the quantised model and its results in the float one, [n, c, h, w] each."""

    inputs: torch.Tensor
    targets: torch.Tensor


def reconstruct(
    model: onnx.ModelProto,
    start: Quantization,
    images: Sequence[np.ndarray],
    learning: Learning,
    out: Path,
    say: Callable[[str], None],
) -> Quantization:
    """The quantisation with learnt weights (and scales, by lsq), from `start`; the same seed gives the same numbers.

    Progress lies in a file beside `out` until all blocks have learnt. Raises UsageError where --memory holds no image.
    """
    facts = GraphFacts(model)
    parts = blocks(facts, start.layers)
    progress = ProgressFile(out, model, start, images, repr(learning))
    activations, weights = progress.read()
    if weights:
        say(f"{len(weights)} layers have learnt before; going on behind them")
    for number, block in enumerate(parts):
        if all(step.layer.name in weights for step in block):
            continue
        known = Quantization(start.layers, {**start.activations, **activations}, {**start.weights, **weights})
        examples = _examples(facts, known, block, set(weights), images, learning.memory)
        before, after = _learn(facts, known, block, examples, learning, set(activations), number, activations, weights)
        names = " and ".join(step.layer.name for step in block)
        used = len(examples.inputs)
        fewer = f", by {used} of {len(images)} images, as --memory holds" if used < len(images) else ""
        say(f"block {number + 1} of {len(parts)}: {names}: error {before:.3g} -> {after:.3g}{fewer}")
        progress.write(activations, weights)
    return Quantization(start.layers, {**start.activations, **activations}, {**start.weights, **weights})


def _examples(
    facts: GraphFacts,
    known: Quantization,
    block: list[Step],
    done: set[str],
    images: Sequence[np.ndarray],
    memory: float,
) -> _Examples:
    """From as many images, spread evenly, as `memory` holds beside what learning takes."""
    model, source, result = facts.model, block[0].layer.source, block[-1].result
    plain = FloatRun(up_to(model, [result]), [result])
    so_far = lowered(deploy_graph(model, known.only(done)).SerializeToString()) if done else model.SerializeToString()
    quantised = FloatRun(up_to(onnx.load_from_string(so_far), [source]), [source], FUSIONS)
    first, last = quantised(images[0])[source], plain(images[0])[result]
    each = first.nbytes + last.nbytes
    learning = BATCH * _COPIES * sum(_nbytes(facts, step.layer.source) + _nbytes(facts, step.result) for step in block)
    most = min(len(images), int((memory * _GB - learning) // each))
    if most < 1:
        raise UsageError(
            f"--memory is {memory:g} GB, which holds no image of {block[0].layer.name}; expected at least "
            f"{(each + learning) / _GB:.3f}"
        )
    inputs, targets = (torch.empty((most, *array.shape[1:])) for array in (first, last))
    for place, number in enumerate(evenly(len(images), most)):
        inputs[place] = torch.from_numpy(quantised(images[number])[source][0])
        targets[place] = torch.from_numpy(plain(images[number])[result][0])
    return _Examples(inputs, targets)


def _nbytes(facts: GraphFacts, tensor: str) -> int:
    """Of a float32 tensor of one image; layers of unknown shape are not on int8."""
    return 4 * prod(side or 1 for side in facts.shapes.get(tensor, ()))


class _Block(nn.Module):
    """The quantised block as it learns."""

    def __init__(self, facts: GraphFacts, known: Quantization, block: list[Step], method: str, fixed: set[str]) -> None:
        super().__init__()
        self._steps = block
        kind = AdaRoundWeight if method == "adaround" else LsqWeight
        self.weights, self.quants, self._biases = nn.ModuleList(), nn.ModuleList(), []
        for step in block:
            layer = step.layer
            weight = torch.from_numpy(facts.constants[layer.weight].astype(np.float32))
            scale = torch.from_numpy(known.weights[layer.name].scale.reshape(-1, 1, 1, 1).copy())
            self.weights.append(kind(weight, scale))
            bias = facts.constants[layer.bias].astype(np.float32) if layer.bias else None
            self._biases.append(None if bias is None else torch.from_numpy(bias.copy()))
            activation = known.activations[layer.source]
            learns = method == "lsq" and layer.source not in fixed
            self.quants.append(FakeQuant(activation.scale, activation.offset, learns))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for step, weight, quant, bias in zip(self._steps, self.weights, self.quants, self._biases, strict=True):
            x = step.convolved(quant(x), weight(), bias)
        return x


def _learn(
    facts: GraphFacts,
    known: Quantization,
    block: list[Step],
    examples: _Examples,
    learning: Learning,
    fixed: set[str],
    number: int,
    activations: dict[str, Activation],
    weights: dict[str, QuantizedWeights],
) -> tuple[float, float]:
    """Let a block learn and put what it learnt, if it is better, into `activations` and `weights`; the errors."""
    made = _Block(facts, known, block, learning.method, fixed)
    generator = torch.Generator().manual_seed(learning.seed * 100_003 + number)
    groups: list[dict[str, object]] = [group for weight in made.weights for group in weight.groups(learning.lr)]  # type: ignore[operator]
    stretches = [quant.stretch for quant in made.quants if quant.stretch.requires_grad]
    if stretches:
        groups.append({"params": stretches, "lr": learning.lr * STRETCH_LR})
    optimizer = torch.optim.Adam(groups)
    count = len(examples.inputs)
    for step in range(learning.steps):
        chosen = torch.randint(count, (min(BATCH, count),), generator=generator)
        found = made(examples.inputs[chosen])
        loss = (found - examples.targets[chosen]).pow(2).sum(1).mean()
        for weight in made.weights:
            loss = loss + weight.penalty(step / learning.steps)  # type: ignore[operator]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    learnt_activations, learnt_weights = _settled(facts, known, block, made)
    used = {step.layer.source: known.activations[step.layer.source] for step in block}
    old = {step.layer.name: _started(facts, known, step) for step in block}
    before = _error(block, examples, used, old)
    after = _error(block, examples, {**used, **learnt_activations}, learnt_weights)
    if after < before:
        activations.update({**used, **learnt_activations})
        weights.update(learnt_weights)
        return before, after
    activations.update(used)
    weights.update(old)
    return before, before


def _started(facts: GraphFacts, known: Quantization, step: Step) -> QuantizedWeights:
    """A layer as it was at first, its bias for the scale that its input has learnt in an earlier block."""
    layer, entry = step.layer, known.weights[step.layer.name]
    bias = facts.constants[layer.bias] if layer.bias else None
    return QuantizedWeights(entry.weight, entry.scale, whole_bias(bias, entry.scale, known.activations[layer.source]))


def _settled(
    facts: GraphFacts, known: Quantization, block: list[Step], made: _Block
) -> tuple[dict[str, Activation], dict[str, QuantizedWeights]]:
    """What the block learnt, as whole numbers."""
    activations, weights = {}, {}
    with torch.no_grad():
        for step, weight, quant in zip(block, made.weights, made.quants, strict=True):
            layer = step.layer
            activation = Activation(float(np.float32(quant.scale)), quant.offset)  # type: ignore[arg-type]
            if quant.stretch.requires_grad:
                activations[layer.source] = activation
            else:
                activation = known.activations[layer.source]
            scale = weight.scale.reshape(-1).numpy().astype(np.float32)  # type: ignore[operator]
            whole = weight.whole().numpy().astype(np.int8)  # type: ignore[operator]
            bias = facts.constants[layer.bias] if layer.bias else None
            safe = quantised_weights(facts.constants[layer.weight], bias, scale, activation)
            if not np.array_equal(
                safe.scale, scale
            ):  # a bias too large for int32: the nearest numbers of a larger scale
                weights[layer.name] = safe
            else:
                weights[layer.name] = QuantizedWeights(whole, scale, whole_bias(bias, scale, activation))
    return activations, weights


def _error(
    block: list[Step],
    examples: _Examples,
    activations: dict[str, Activation],
    weights: dict[str, QuantizedWeights],
) -> float:
    """The mean squared difference between the block's whole-number form and the float model, of the latter's power."""
    noise = power = 0.0
    with torch.no_grad():
        for x, target in zip(examples.inputs.split(BATCH), examples.targets.split(BATCH), strict=True):
            for step in block:
                entry, activation = weights[step.layer.name], activations[step.layer.source]
                scale = torch.from_numpy(entry.scale.reshape(-1, 1, 1, 1))
                weight = torch.from_numpy(entry.weight.astype(np.float32)) * scale
                bias = None
                if entry.bias is not None:
                    bias = torch.from_numpy(entry.bias.astype(np.float32) * entry.deq_scale(activation))
                quant = FakeQuant(activation.scale, activation.offset, False)
                x = step.convolved(quant(x), weight, bias)
            noise += float((x - target).pow(2).sum())
            power += float(target.pow(2).sum())
    return noise / (power or 1.0)
