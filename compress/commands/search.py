"""search: find a width configuration without training."""

from __future__ import annotations

from compress.commands.printing import say
from compress.stages.search import SearchResult
from compress.stages.search import search as find
from compress.stages.search_settings import SearchSettings
from compress.verb import Answer, Verb


def search(settings: SearchSettings) -> Answer:
    done = find(settings, say)
    return Answer(done.to_json(), _text(done, settings))


def _text(done: SearchResult, settings: SearchSettings) -> str:
    from compress.report.plan_table import plan_table

    before, after = done.before, done.after
    return "\n".join(
        [
            plan_table(done.plan),
            f"candidate {done.number} of {done.candidates} is the best: mAP@0.5 {done.map50:.3f} on held-out training "
            f"images, untrained; the full model has {done.baseline:.3f}",
            f"{done.share:.1%} of the {settings.budget} remain; parameters {before['parameters'] / 1e6:.3f} M -> "
            f"{after['parameters'] / 1e6:.3f} M, FLOPs {before['flops'] / 1e9:.3f} G -> {after['flops'] / 1e9:.3f} G "
            f"at {done.model.imgsz} px",
            f"all candidates: {done.journal} and {done.chart}",
            str(done.best),
            str(done.plan_file),
            *([str(done.saved_cfg)] if done.saved_cfg else []),
        ]
    )


VERB = Verb("search", "find the best of many width configurations within a budget, untrained", SearchSettings, search)
