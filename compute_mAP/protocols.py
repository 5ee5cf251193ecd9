"""The protocols of mean average precision as a command line offers them. Standard library only."""

from __future__ import annotations

PROTOCOLS = ("voc07", "area", "coco")
DEFAULT_PROTOCOL = "area"
PROTOCOL_HELP = (
    "voc07: mean precision at 11 recalls; area: area under the curve, VOC 2010 and later (default); "
    "coco: pycocotools' rules, 101 recalls"
)
