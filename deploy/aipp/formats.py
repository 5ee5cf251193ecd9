"""AIPP's input formats: what the chip hands to AIPP, and how many channels the model sees of it."""

from __future__ import annotations

YUV420SP, XRGB, RGB, GREY = "YUV420SP_U8", "XRGB8888_U8", "RGB888_U8", "YUV400_U8"
CHANNELS = {YUV420SP: 3, XRGB: 4, RGB: 3, GREY: 1}
"""The channels of each format; of XRGB the model may take the first three only."""
