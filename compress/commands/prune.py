"""prune: remove channels."""

from __future__ import annotations

from compress.commands.printing import say
from compress.stages.prune import PruneResult
from compress.stages.prune import prune as remove
from compress.stages.prune_settings import PruneSettings
from compress.verb import Answer, Verb


def prune(settings: PruneSettings) -> Answer:
    done = remove(settings)
    if done.warning:
        say(f"warning: {done.warning}")
    return Answer(done.to_json(), _text(done))


def _text(done: PruneResult) -> str:
    from compress.report.plan_table import plan_table

    lines = [
        plan_table(done.plan),
        f"removed {done.removed_share:.1%} of the channels, alignment {done.plan.align}",
    ]
    if done.model:
        before, after = done.before, done.after
        lines += [
            f"parameters {before['parameters'] / 1e6:.3f} M -> {after['parameters'] / 1e6:.3f} M, "
            f"FLOPs {before['flops'] / 1e9:.3f} G -> {after['flops'] / 1e9:.3f} G at {done.model.imgsz} px",
            f"masked and pruned model agree within {done.masked_difference:.1e} of the output's scale",
            *(
                f"{name}: mAP@0.5 {row['map50']:.3f}, mAP@0.5:0.95 {row['map50_95']:.3f} on val, without training"
                for name, row in done.scores.items()
            ),
            str(done.out),
        ]
    return "\n".join([*lines, str(done.plan_file)])


VERB = Verb("prune", "remove the channels that matter least", PruneSettings, prune)
