"""quantize: make an int8 bundle of a float one."""

from __future__ import annotations

from compress.commands.printing import say
from compress.stages.quantize import QuantizeSettings
from compress.stages.quantize import quantize as make
from compress.verb import Answer, Verb
from deploy.wording import shortened


def quantize(settings: QuantizeSettings) -> Answer:
    done = make(settings, say)
    reasons: dict[str, list[str]] = {}
    for name, reason in done.floats.items():
        reasons.setdefault(reason, []).append(name)
    lines = [f"float: {shortened(names)}: {reason}" for reason, names in reasons.items()]
    lines += [
        f"int8: {done.layers[0]} of {done.layers[1]} convolutions, {done.share:.0%} of their multiply-adds; "
        f"{done.float_size / 1e6:.2f} MB -> {done.size / 1e6:.2f} MB",
        f"on the calibration images: signal to noise {done.snr:.1f} dB, {done.lost:.1%} of the findings lost, scores "
        f"differ by {done.score_difference:.3f}",
        str(done.bundle),
    ]
    return Answer(done.to_json(), "\n".join(lines))


VERB = Verb("quantize", "make an int8 bundle, as QDQ and as the graph that ATC converts", QuantizeSettings, quantize)
