"""The model that a training learns from: a file, a model in memory, or the one that the student was pruned from."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from compress.stages.model import Model, open_model
from deploy.errors import UsageError

if TYPE_CHECKING:
    from compress.stages.train import DistillSettings

UNPRUNED = "unpruned"


def teacher_of(settings: DistillSettings, student: Model | None) -> Model | None:
    """The teacher that the settings name, None where they name none; it is nobody else's to change.

    Raises UsageError where the model that the student was pruned from is not to be found, ModelError for a file that is
    no model.
    """
    if settings.teacher is None:
        return None
    teacher = _unpruned(student) if settings.teacher == UNPRUNED else open_model(settings.teacher)
    return Model(copy.deepcopy(teacher.detector), teacher.history, teacher.source)


def _unpruned(student: Model | None) -> Model:
    pruned = [entry for entry in (student.history if student else []) if entry.get("stage") in ("prune", "search")]
    if not student or not pruned:
        raise UsageError(f"--teacher {UNPRUNED}: the weights were never pruned here; name the teacher's file")
    entry = pruned[-1]
    place = entry.get("weights")
    if not isinstance(place, str) or not student.source:
        raise UsageError(f"--teacher {UNPRUNED}: the weights do not say what they were pruned from; name that file")
    file = student.source.parent / place
    if not file.is_file():
        raise UsageError(f"--teacher {UNPRUNED}: {file}, the model before pruning, is gone; name its new place")
    teacher = open_model(file)
    if teacher.sha256 != entry.get("sha256"):
        raise UsageError(f"--teacher {UNPRUNED}: {file} has changed since the weights were pruned from it")
    return teacher
