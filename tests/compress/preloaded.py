"""What every process of `tests/compress/processes.py` would import and build first: its server imports it once."""

import gc
import os

os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"  # to ask CUDA itself would keep forked processes from it

import accelerate  # noqa: F401
import torch
import ultralytics  # noqa: F401

import compress.channels.flow
import compress.cli
import compress.stages.prune
import compress.train.loop
from compress.channels.flow import channel_flow, example_image
from compress.nets.yolov5 import Yolov5
from tests.compress import hub
from tests.compress.one_export import export_once
from tests.compress.quick_copies import quick_copy

torch.set_num_threads(1)
compress.channels.flow.export_graph = export_once
torch.nn.Module.__deepcopy__ = quick_copy  # type: ignore[attr-defined]
MODEL = Yolov5({**hub.v5(**hub.least()), "width_multiple": 0.125}, ["a", "b", "c"], 64)
channel_flow(MODEL, example_image(MODEL))  # torch.export imports the rest of torch
gc.collect()
gc.freeze()  # else the first collection in a process would write to, and so copy, all that the server has
