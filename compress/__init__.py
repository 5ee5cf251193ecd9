"""The laptop side: one folder a stage, in the order in which a model passes through them."""

import os

from compress.imported_elsewhere import install

install()
# Read by ultralytics when it is first imported: it must neither install packages nor go online on its own.
os.environ.setdefault("YOLO_AUTOINSTALL", "false")
os.environ.setdefault("YOLO_OFFLINE", "true")
os.environ.setdefault("YOLO_VERBOSE", "false")
# Read by OpenMP when torch is first imported: idle threads sleep rather than spin, which on a busy machine takes a
# training from a crawl to its share of the processors and costs nothing on an idle one.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
