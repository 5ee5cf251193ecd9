"""val: precision, recall and mAP of a checkpoint on a split."""

from __future__ import annotations

from compress.commands.printing import say
from compress.stages.val import ValSettings
from compress.stages.val import val as score
from compress.verb import Answer, Verb


def val(settings: ValSettings) -> Answer:
    from compress.report.class_table import class_table

    done = score(settings)
    for fault in done.faults:
        say(f"warning: {fault}")
    times = ", ".join(f"{value:.1f} ms {name}" for name, value in done.milliseconds.items())
    text = (
        f"{class_table(done.classes)}\n"
        f"precision and recall at confidence {done.f1_confidence:.3f}, where F1 is highest: {done.f1:.3f}\n"
        f"an image takes {times} at {done.imgsz} px in batches of {settings.batch_size}, letterbox {done.letterbox}"
    )
    return Answer(done.to_json(), text)


VERB = Verb("val", "precision, recall and mAP of a checkpoint, class by class", ValSettings, val)
