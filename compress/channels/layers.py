"""What a channel flow consists of: layers with the ids of their channels, and groups of channels that go together."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

Places = dict[str, list[list[int]]]


@dataclass
class Layer:
    """A convolution or norm and the ids of its channels: `inputs` [in] and `outputs` [out], int64.

    For a norm the two are the same, and for a depthwise convolution, which makes each channel of one channel.
    The weight of a `transposed` convolution is [in, out, kh, kw].
    """

    name: str
    inputs: np.ndarray
    outputs: np.ndarray
    depthwise: bool = False
    transposed: bool = False

    def outputs_first(self, weight: torch.Tensor) -> torch.Tensor:
        """The weight as [out, in, kh, kw]; its own inverse."""
        return weight.transpose(0, 1) if self.transposed else weight


@dataclass
class Group:
    """Channels that can be removed together across all its members.

    Attributes:
        name: the first convolution of the group that gives no other group its name.
        classes: int64 [width]; a class stands for the channels of every member that have it, for two of a convolution
            whose output is split in halves.
        convolutions: names of the convolutions whose output channels these are.
        norms: names of the batch and layer norms over these channels whose weight scores them.
        pinned: why none of them may be removed, or "".
        shortcut: whether an addition unites channels of the group.
        places: for convolutions of which a class stands for several channels, their numbers [copies][width]; two rows
            where halves are split, a row a head for attention (with all its members, for what is whose is a choice).
    """

    name: str
    classes: np.ndarray
    convolutions: list[str] = field(default_factory=list)
    norms: list[str] = field(default_factory=list)
    pinned: str = ""
    shortcut: bool = False
    places: Places = field(default_factory=dict)
