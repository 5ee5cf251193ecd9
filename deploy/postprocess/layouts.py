"""MODEL_TYPE of a post-processor's config: how the memory of a head is laid out."""

from __future__ import annotations

NHWC, NCHW, NCHWC = 0, 1, 2  # anchors and channels last, first, or anchors first and channels last
