"""sensitivity: which layers int8 hurts."""

from __future__ import annotations

from compress.commands.printing import say
from compress.stages.sensitivity import SensitivitySettings
from compress.stages.sensitivity import sensitivity as measure
from compress.verb import Answer, Verb


def sensitivity(settings: SensitivitySettings) -> Answer:
    from compress.text_table import aligned

    done = measure(settings, say)
    rows = [["layer", "alone: SNR dB", "cosine", "lost", "with cheaper ones: SNR dB", "cosine", "lost"]]
    for cost in done.costs:
        cells = [cost.layer]
        for found in (cost.alone, cost.together):
            if found is not None:
                cells += [f"{found.snr:.1f}", f"{found.cosine:.5f}", f"{found.lost:.1%}"]
        rows.append(cells)
    return Answer(done.to_json(), "\n".join([aligned(rows), *([str(done.out)] if done.out else [])]))


VERB = Verb("sensitivity", "rank a bundle's layers by what they cost on int8", SensitivitySettings, sensitivity)
