"""train, sparsify, finetune: one loop, three stages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from compress.commands.printing import say
from compress.stages import train as stages
from compress.stages.train import DenseSettings, FinetuneSettings, SparsifySettings, TrainingResult
from compress.verb import Answer, Verb


def _answering(stage: Callable[..., TrainingResult]) -> Callable[[Any], Answer | None]:
    def run(settings: DenseSettings) -> Answer | None:
        done = stage(settings, say)
        return Answer(done.to_json(), str(done.best)) if done.metrics else None

    return run


TRAIN = Verb("train", "train a dense detector", DenseSettings, _answering(stages.train), together=True)
SPARSIFY = Verb(
    "sparsify",
    "train with a sparsity penalty on the batch-norm gammas",
    SparsifySettings,
    _answering(stages.sparsify),
    together=True,
)
FINETUNE = Verb(
    "finetune",
    "train a pruned detector until it has recovered",
    FinetuneSettings,
    _answering(stages.finetune),
    together=True,
)
VERBS = (TRAIN, SPARSIFY, FINETUNE)
