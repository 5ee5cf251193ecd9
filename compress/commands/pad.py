"""pad: align the channel counts of an ONNX model that was pruned by anyone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from compress.option import Settings, option
from compress.out_file import check_out_file
from compress.verb import Answer, Verb


@dataclass(frozen=True, kw_only=True)
class PadSettings(Settings):
    model: str = option(metavar="MODEL.onnx", place=True, help="the model")
    multiple: int = option(16, help="what counts become multiples of, 8 or 16")
    out: str = option(metavar="FILE", help="the ONNX file to write")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_out_file("--out", Path(self.out), ".onnx", [self.model])


def pad(settings: PadSettings) -> Answer:
    from compress.graph.load import load_onnx
    from compress.pad.pad_model import pad_model
    from deploy.whole_file import write_whole

    out, multiple = Path(settings.out), settings.multiple
    done = pad_model(load_onnx(settings.model), multiple, settings.model)
    write_whole(out, done.model.SerializeToString())
    lines = [f"{c.node}: {c.before[0]} -> {c.before[1]} becomes {c.after[0]} -> {c.after[1]}" for c in done.changes]
    lines += [f"left: {entry.node} has {entry.count} {entry.side}: {entry.reason}" for entry in done.left]
    lines += [
        f"{node} is no ONNX operator and does not run here: what it is given was compared" for node in done.foreign
    ]
    lines.append(
        f"{len(done.changes)} convolutions changed to multiples of {multiple}, {len(done.left)} counts left; "
        f"both models agree within {done.difference:.1e} of the outputs' scale"
    )
    result = {
        "model": str(out),
        "multiple": multiple,
        "difference": done.difference,
        "changed": [asdict(entry) for entry in done.changes],
        "left": [asdict(entry) for entry in done.left],
    }
    return Answer(result, "\n".join([*lines, str(out)]))


VERB = Verb("pad", "align the channel counts of any pruned ONNX with zeros that change nothing", PadSettings, pad)
