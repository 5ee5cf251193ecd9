"""Opens an ONNX file for lint, pad, cost and who else looks into one: the only reader, within limits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
from onnx.external_data_helper import load_external_data_for_model

from compress.graph.ascend_operators import has_ascend, without_ascend
from compress.graph.foreign import foreign_set_apart
from compress.graph.shapes import inferred_shapes
from deploy.errors import ModelError
from deploy.wire.onnx_limits import read_model


def load_onnx(path: str | Path) -> onnx.ModelProto:
    """The model with all its weights, its nodes in the order in which they are computed.

    Operators that ONNX does not know are let through. Raises ModelError for a file that is missing, not regular,
    unreadable, no ONNX model, one that ONNX's checker refuses, or one beyond the limits (deploy/wire/onnx_limits.py for
    the file, compress/graph/shapes.py for what its tensors become).
    """
    path = Path(path)
    try:
        content = read_model(path)
        model = onnx.load_from_string(content)
        load_external_data_for_model(model, str(path.parent))
        _sort(model.graph)
        with foreign_set_apart(model), _outputs_declared(model):
            onnx.checker.check_model(without_ascend(model) if has_ascend(model) else model)
        if not model.graph.node or not model.graph.output:
            raise ValueError(f"its graph has no {'output' if model.graph.node else 'node'}")
        inferred_shapes(model)
    except FileNotFoundError:
        raise ModelError(f"{path} cannot be read: no such file, expected an ONNX model") from None
    except OSError as fault:
        raise ModelError(f"{path} cannot be read: {fault.strerror or fault}") from None
    except MemoryError:
        raise ModelError(f"{path} cannot be read: there is not enough memory for it") from None
    except Exception as fault:  # protobuf and onnx have errors of their own, without a common base
        reason = (str(fault).strip().splitlines() or [type(fault).__name__])[0]
        raise ModelError(f"{path} is not a valid ONNX model: {reason[:300]}") from None
    return model


@contextmanager
def _outputs_declared(model: onnx.ModelProto) -> Iterator[None]:
    """Give outputs without a declared shape the one that ONNX infers; those of plugins have one while this is open.

    Raises ValueError for an input without a shape, which nothing can tell.
    """
    if bare := [value.name for value in model.graph.input if _is_bare(value)]:
        raise ValueError(f"the input '{bare[0]}' declares no shape")
    outputs = [value.type.tensor_type for value in model.graph.output if _is_bare(value)]
    shapes = inferred_shapes(model) if outputs else {}
    for value in model.graph.output:
        if _is_bare(value) and value.name in shapes:
            value.type.tensor_type.shape.SetInParent()
            for side in shapes[value.name]:
                dimension = value.type.tensor_type.shape.dim.add()
                if side is not None:
                    dimension.dim_value = side
    unknown = [output for output in outputs if not output.HasField("shape")]
    for output in unknown:
        output.shape.SetInParent()
    try:
        yield
    finally:
        for output in unknown:
            output.ClearField("shape")


def _is_bare(value: onnx.ValueInfoProto) -> bool:
    return value.type.WhichOneof("value") == "tensor_type" and not value.type.tensor_type.HasField("shape")


def _sort(graph: onnx.GraphProto) -> None:
    """Put the nodes into the order in which they are computed, where they are not; there are no circles."""
    makers = {name: number for number, node in enumerate(graph.node) for name in node.output if name}
    reads = [_reads(node) for node in graph.node]
    if all(makers.get(name, -1) < number for number, names in enumerate(reads) for name in names):
        return
    waits = [len({makers[name] for name in names if name in makers}) for names in reads]
    takers: dict[int, list[int]] = {}
    for number, names in enumerate(reads):
        for maker in {makers[name] for name in names if name in makers}:
            takers.setdefault(maker, []).append(number)
    order = [number for number, count in enumerate(waits) if not count]
    for one in order:
        for taker in takers.get(one, ()):
            waits[taker] -= 1
            if not waits[taker]:
                order.append(taker)
    if len(order) == len(graph.node):
        nodes = [graph.node[number] for number in order]
        del graph.node[:]
        graph.node.extend(nodes)


def _reads(node: onnx.NodeProto) -> set[str]:
    """What a node reads itself, or in its inner graphs."""
    names = {name for name in node.input if name}
    for entry in node.attribute:
        for inner in [entry.g, *entry.graphs]:
            for one in inner.node:
                names |= _reads(one)
            names |= {value.name for value in inner.output}
    return names
