"""The processes of a run and its precision: one process, or several under torchrun or accelerate launch."""

from __future__ import annotations

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from compress.train.settings import TrainSettings
from deploy.errors import UsageError


def launched(settings: TrainSettings) -> Accelerator:
    """Accelerate's view of this process; every process of a run gets the same share of a batch.

    Mixed precision by `settings.amp`: "auto" is fp16 on a GPU and none elsewhere. Raises UsageError for fp16 without a
    GPU and for a batch that does not divide among the processes.
    """
    # a process may train several stages, and Accelerate keeps the precision of the first for all of them
    AcceleratorState._reset_state()
    on_gpu = torch.cuda.is_available()
    if settings.amp == "fp16" and not on_gpu:
        raise UsageError("--amp is fp16, but there is no GPU; expected bf16 or off")
    precision = {"auto": "fp16" if on_gpu else "no", "off": "no"}.get(settings.amp, settings.amp)
    # unless told that it is on CPUs, Accelerate takes the processes of torchrun for so many runs of their own
    accelerator = Accelerator(mixed_precision=precision, cpu=not torch.accelerator.is_available())
    if settings.batch_size % accelerator.num_processes:
        raise UsageError(
            f"--batch-size is {settings.batch_size}, expected a multiple of the {accelerator.num_processes} processes"
        )
    return accelerator
