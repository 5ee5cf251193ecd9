"""Images of machine-readable codes: a synthetic Pascal VOC devkit that trains and tests a detector anywhere."""
