"""The models that a report is about: folders of runs and bundles, recognised by what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.bundle import DESCRIPTION, MODEL, Bundle, open_bundle
from deploy.errors import DataError, ModelError, UsageError
from deploy.hashes import file_sha256

BEST = Path("weights") / "best.safetensors"
JOURNAL, SENSITIVITY = "journal.jsonl", "sensitivity.json"
_LOGS = ("results.jsonl", "gammas.jsonl")


@dataclass
class Source:
    """One model: a bundle, the run or the checkpoint that it was made of, or both.

    Attributes:
        title: what the page calls it, different for each.
        bundle: the bundle, or None.
        run: the folder of its training, or None.
        checkpoint: its checkpoint, or None.
        history: the stages that it went through, the latest last (docs/formats.md).
        search: the folder of the search that found it, or None.
        notes: sentences about files that were edited since the export.
    """

    title: str
    bundle: Bundle | None = None
    run: Path | None = None
    checkpoint: Path | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    search: Path | None = None

    @property
    def names(self) -> list[str]:
        """The classes of the bundle; [] without one."""
        return self.bundle.names if self.bundle else []

    @property
    def places(self) -> list[Path]:
        """The folders and files that it is made of."""
        return [
            place for place in (self.bundle and self.bundle.folder, self.run, self.search, self.checkpoint) if place
        ]


def sensitivities(given: Sequence[str | Path]) -> tuple[list[tuple[str, Path]], list[str | Path]]:
    """The folders of sensitivity analyses among what is given, each with its title, and the rest."""
    found, rest = [], []
    for entry in given:
        title, path = _titled(str(entry))
        if (path / SENSITIVITY).is_file() and not (path / DESCRIPTION).is_file():
            found.append((title or path.absolute().name, path))
        else:
            rest.append(entry)
    return found, rest


def find_sources(given: Sequence[str | Path]) -> list[Source]:
    """A source for each RUN, BUNDLE or checkpoint, or TITLE=PATH, in their order; a bundle and the run that it was
    exported from become one.

    Raises UsageError for a path or a title that is given twice, DataError for a path that is none of these, ModelError
    for a faulty bundle or checkpoint.
    """
    found = [_source(*_titled(str(entry))) for entry in given]
    kept: list[Source] = []
    for source in found:
        if any(set(source.places) & set(other.places) for other in kept):
            raise UsageError(f"{source.places[0]} is given twice")
        twin = next((other for other in kept if _is_one(source, other)), None)
        if twin is None:
            kept.append(source)
        else:
            _merge(twin, source)
    _name(kept)
    return kept


def _titled(text: str) -> tuple[str, Path]:
    if not Path(text).exists():
        title, sign, path = text.partition("=")
        if sign and title and path:
            return title, Path(path)
    return "", Path(text)


def _source(title: str, path: Path) -> Source:
    place = path.absolute()
    if (place / DESCRIPTION).is_file():
        bundle = open_bundle(place)
        history = [entry for entry in bundle.description["history"] if isinstance(entry, dict)]
        return Source(title, bundle, history=history, notes=list(bundle.notes))
    if place.is_dir():
        best = place / BEST
        if (place / JOURNAL).is_file() and (place / BEST.name).is_file():
            return Source(title, checkpoint=place / BEST.name, history=_history(place / BEST.name), search=place)
        if not best.is_file() and not any((place / name).is_file() for name in _LOGS):
            raise DataError(f"{path}: neither a bundle ({DESCRIPTION}) nor a run ({BEST.as_posix()} or {_LOGS[0]})")
        checkpoint = best if best.is_file() else None
        return Source(title, run=place, checkpoint=checkpoint, history=_history(checkpoint))
    if place.is_file():
        return Source(title, checkpoint=place, history=_history(place))
    raise DataError(f"{path}: there is no such run, bundle or checkpoint")


def _history(checkpoint: Path | None) -> list[dict[str, Any]]:
    if checkpoint is None:
        return []
    from compress.nets.checkpoint import read_header
    from compress.nets.weights import open_weights

    foreign = checkpoint.suffix != ".safetensors"
    history = open_weights(checkpoint)[1] if foreign else read_header(checkpoint).get("history")
    if not isinstance(history, list):
        raise ModelError(f"{checkpoint}: its header has no list 'history'")
    return [entry for entry in history if isinstance(entry, dict)]


def _is_one(source: Source, other: Source) -> bool:
    """Whether one is the bundle that the other's checkpoint was exported to."""
    for bundle, training in ((source, other), (other, source)):
        if bundle.bundle and not bundle.checkpoint and training.checkpoint and not training.bundle:
            exported = [entry.get("sha256") for entry in bundle.history if entry.get("stage") == "export"]
            if exported and exported[-1] == file_sha256(training.checkpoint):
                return True
    return False


def _merge(kept: Source, more: Source) -> None:
    if more.bundle:
        kept.bundle, kept.history, kept.notes = more.bundle, more.history, more.notes
        kept.title = more.title or kept.title
    else:
        kept.run, kept.checkpoint, kept.search = more.run, more.checkpoint, more.search
        kept.title = kept.title or more.title


def _name(sources: Sequence[Source]) -> None:
    """Give a title to each that has none: the end of its path that no other has."""
    titles = [source.title for source in sources if source.title]
    for title in titles:
        if titles.count(title) > 1:
            raise UsageError(f"the title '{title}' is given twice")
    for source in sources:
        if source.title:
            continue
        parts = source.places[0].parts
        for count in range(1, len(parts) + 1):
            title = "/".join(parts[-count:])
            others = [other for other in sources if other is not source]
            same = any("/".join(other.places[0].parts[-count:]) == title for other in others if not other.title)
            if not same and title not in titles and title not in ("bundle", "best.safetensors"):
                source.title = title
                break
        else:
            source.title = str(source.places[0])


def sizes(source: Source) -> dict[str, int | None]:
    """`parameters`, `flops` (operations an image, two for each multiply-accumulate), and `bytes` of the ONNX file.

    None where nothing tells: a checkpoint may be in half precision, so its size compares with no ONNX file's. Raises
    ModelError for a faulty checkpoint.
    """
    if source.bundle:
        about = source.bundle.description
        size = (source.bundle.folder / MODEL).stat().st_size
        return {"parameters": about["parameters"], "flops": about["flops"], "bytes": size}
    if source.checkpoint is None:
        return {"parameters": None, "flops": None, "bytes": None}
    from compress.nets.size import flops, parameters
    from compress.nets.weights import open_weights

    model, _ = open_weights(source.checkpoint)
    return {"parameters": parameters(model), "flops": flops(model, model.imgsz), "bytes": None}


def layer_widths(source: Source) -> dict[str, int]:
    """Output channels of each convolution, in the network's order; {} where there is no model."""
    if source.checkpoint:
        from torch import nn

        from compress.nets.weights import open_weights

        model, _ = open_weights(source.checkpoint)
        return {name: m.out_channels for name, m in model.named_modules() if isinstance(m, nn.Conv2d)}
    if source.bundle:
        from compress.graph.load import load_onnx

        graph = load_onnx(source.bundle.folder / MODEL).graph
        shapes = {entry.name: entry.dims for entry in graph.initializer}
        convolutions = [node for node in graph.node if node.op_type == "Conv" and node.input[1] in shapes]
        return {_module(node.name): int(shapes[node.input[1]][0]) for node in convolutions}
    return {}


def full_widths(source: Source) -> dict[str, int]:
    """The same of the architecture before it was pruned, which a checkpoint knows; {} without one."""
    if source.checkpoint is None:
        return {}
    from torch import nn

    from compress.nets.checkpoint import read_header
    from compress.nets.family import build

    try:
        header = read_header(source.checkpoint)
        model = build(header["arch"], header["names"], header["imgsz"])
    except (ModelError, KeyError):  # a foreign .pt knows its own widths alone
        return {}
    return {name: m.out_channels for name, m in model.named_modules() if isinstance(m, nn.Conv2d)}


def _module(node: str) -> str:
    """The torch module of an exported node: /model.0/conv/Conv comes of model.0.conv."""
    parts = [part for part in node.split("/") if part][:-1]
    named: list[str] = []
    for part in parts:  # the exporter repeats the path of modules in lists: /model.2/m/m.0/cv1/conv
        if named and part.startswith(f"{named[-1]}."):
            named[-1] = part
        else:
            named.append(part)
    return ".".join(named) or node
