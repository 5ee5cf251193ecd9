"""The laptop side: one folder a stage, in the order in which a model passes through them."""

import os

# Read by ultralytics when it is first imported: it must neither install packages nor go online on its own.
os.environ.setdefault("YOLO_AUTOINSTALL", "false")
os.environ.setdefault("YOLO_OFFLINE", "true")
os.environ.setdefault("YOLO_VERBOSE", "false")
