"""Which rule each operator has. One that is not here stops zeros: what reaches it keeps its number of channels."""

from __future__ import annotations

from compress.pad.elementwise import Elementwise
from compress.pad.layers import Convolution, Normalisation, TransposedConvolution
from compress.pad.moves import Border, Concat, MaxPool, Reduce, Resize, Slice, Split
from compress.pad.rule import Keep, Rule

_ACTIVATIONS = ["Celu", "Elu", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Mish", "Relu", "Selu", "Sigmoid"]
_ACTIVATIONS += ["Softplus", "Softsign", "Swish", "Tanh", "ThresholdedRelu"]
_PLAIN = ["Abs", "Cast", "Ceil", "Clip", "Dropout", "Erf", "Floor", "Identity", "Neg", "Round", "Sign"]
_POOLS = ["AveragePool", "GlobalAveragePool", "GlobalMaxPool"]

RULES: dict[str, Rule] = {
    **dict.fromkeys(_ACTIVATIONS + _PLAIN + _POOLS, Keep()),
    "MaxPool": MaxPool(),
    "Conv": Convolution(),
    "ConvTranspose": TransposedConvolution(),
    "BatchNormalization": Normalisation({1: 0.0, 2: 0.0, 3: 0.0, 4: 1.0}),
    "InstanceNormalization": Normalisation({1: 0.0, 2: 0.0}),
    **dict.fromkeys(("Add", "Sub", "Mul", "Max", "Min", "Sum", "Mean", "PRelu"), Elementwise()),
    "Div": Elementwise(filling=1.0, divides=True),
    "Concat": Concat(),
    "Split": Split(),
    "Slice": Slice(),
    "Resize": Resize(),
    "Upsample": Resize(),
    "Pad": Border(),
    **dict.fromkeys(("ReduceMean", "ReduceMax", "ReduceSum"), Reduce()),
}
