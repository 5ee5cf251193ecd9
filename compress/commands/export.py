"""export: write the bundle."""

from __future__ import annotations

from compress.stages.export import ExportSettings
from compress.stages.export import export as write
from compress.verb import Answer, Verb


def export(settings: ExportSettings) -> Answer:
    done = write(settings)
    lines = [str(done.stock)] if done.stock else []
    if done.bundle:
        lines += [f"ONNX and torch agree within {done.onnx_difference:.1e} of the output's scale", str(done.bundle)]
    return Answer(done.to_json(), "\n".join(lines))


VERB = Verb(
    "export", "write the bundle that the host and the board run, or a .pt for ultralytics", ExportSettings, export
)
