"""ascend-yolo-slim as a package to install: the command `ascend-yolo-slim`, and `from ascend_yolo_slim import api`.

A wheel has the packages compress, deploy and compute_mAP inside this one, so that it lays no top-level package of such
common names over somebody else's (docs/adr/0048-one-package-on-the-outside.md).
"""
