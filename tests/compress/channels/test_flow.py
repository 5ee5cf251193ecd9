"""Channel flow: which channels go together in small modules made for one question each, and in YOLOv5n."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from compress.channels.flow import ChannelFlow, channel_flow
from compress.channels.layers import Group
from compress.nets.convnext.layer_norm import LayerNorm2d
from compress.nets.yolov5 import Yolov5
from deploy.errors import ModelError

LAST = "an output of the model"


def conv(name: str, a: int, b: int, size: int = 1, norm: bool = True, **options: int) -> dict[str, nn.Module]:
    layers: dict[str, nn.Module] = {name: nn.Conv2d(a, b, size, padding=size // 2, bias=not norm, **options)}
    return {**layers, f"{name}_n": nn.BatchNorm2d(b)} if norm else layers


class Net(nn.Module):
    """Layers by name, and a forward written as a function of them and the image."""

    def __init__(self, layers: dict[str, nn.Module], forward: Callable) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.rule = forward

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rule(self, x)

    def act(self, name: str, x: torch.Tensor) -> torch.Tensor:
        """Convolution, batch norm, SiLU."""
        return F.silu(getattr(self, f"{name}_n")(getattr(self, name)(x)))


def flow_of(net: nn.Module) -> ChannelFlow:
    return channel_flow(net, torch.zeros(1, 3, 16, 16))


def found(flow: ChannelFlow) -> dict[str, tuple[int, str]]:
    """For each group, its members joined by +, the width and why it is pinned."""
    return {"+".join(g.convolutions): (len(g.classes), g.pinned) for g in flow.groups}


A8, B8, C8 = conv("a", 3, 8), conv("b", 8, 8), conv("c", 8, 8)
END = conv("end", 8, 4, norm=False)
END16 = conv("end", 16, 4, norm=False)


def chain(m: Net, x: torch.Tensor) -> torch.Tensor:
    return m.end(m.act("b", m.act("a", x)))


def shortcut(m: Net, x: torch.Tensor) -> torch.Tensor:
    a = m.act("a", x)
    return m.end(a + m.act("b", a))


def shortcut_twice(m: Net, x: torch.Tensor) -> torch.Tensor:
    a = m.act("a", x)
    b = a + m.act("b", a)
    return m.end(b + m.act("c", b))


def concat(m: Net, x: torch.Tensor) -> torch.Tensor:
    a = m.act("a", x)
    return m.end(torch.cat([a, m.act("b", a)], 1))


def concat_of_shortcut(m: Net, x: torch.Tensor) -> torch.Tensor:
    a = m.act("a", x)
    return m.end(torch.cat([a, a + m.act("b", a)], 1))


def pooled(m: Net, x: torch.Tensor) -> torch.Tensor:
    a = m.act("a", x)
    small = F.max_pool2d(a, 2)
    return m.end(torch.cat([a, F.interpolate(small, scale_factor=2.0, mode="nearest")], 1))


def norm_after_concat(m: Net, x: torch.Tensor) -> torch.Tensor:
    a = m.act("a", x)
    return m.end(m.after(torch.cat([a, m.act("b", a)], 1)))


def twice(m: Net, x: torch.Tensor) -> torch.Tensor:
    a = m.act("a", x)
    return m.end(m.act("c", m.act("b", a)) + m.act("c", a))


def halves(m: Net, x: torch.Tensor) -> torch.Tensor:
    left, right = m.act("a", x).chunk(2, 1)
    return m.end(m.act("b", left) + right)


def chunk_into_shortcut(m: Net, x: torch.Tensor) -> torch.Tensor:
    left, _ = m.act("a", x).chunk(2, 1)
    return m.end(left + m.act("b", x))


def partial_overlap(m: Net, x: torch.Tensor) -> torch.Tensor:
    return m.end(torch.cat([m.act("a", x), m.act("b", x)], 1) + m.act("c", x))


def wide_last(m: Net, x: torch.Tensor) -> torch.Tensor:
    return m.end(m.act("c", x) + torch.cat([m.act("a", x), m.act("b", x)], 1))


def own_halves(m: Net, x: torch.Tensor) -> torch.Tensor:
    left, right = m.act("a", x).chunk(2, 1)
    return m.end(torch.cat([left, right, m.act("b", right)], 1))


def thirds(m: Net, x: torch.Tensor) -> torch.Tensor:
    return m.end(torch.cat(m.act("a", x).chunk(3, 1), 1))


def ghost(m: Net, x: torch.Tensor) -> torch.Tensor:
    a = m.act("a", x)
    return m.end(torch.cat([a, m.act("b", a)], 1))


DEPTHWISE = conv("b", 8, 8, 3, groups=8)
HALVES = {**A8, **conv("b", 4, 4), **conv("end", 4, 4, norm=False)}
WIDE = {**conv("a", 3, 8), **conv("b", 3, 8), **conv("c", 3, 16), **END16}
GROUPS = [
    pytest.param({**A8, **B8, **END}, chain, {"a": (8, ""), "b": (8, ""), "end": (4, LAST)}, id="a plain chain"),
    pytest.param({**A8, **B8, **END}, shortcut, {"a+b": (8, ""), "end": (4, LAST)}, id="a shortcut joins its ends"),
    pytest.param(
        {**A8, **B8, **C8, **END}, shortcut_twice, {"a+b+c": (8, ""), "end": (4, LAST)}, id="shortcuts in a row"
    ),
    pytest.param(
        {**A8, **B8, **END16}, concat, {"a": (8, ""), "b": (8, ""), "end": (4, LAST)}, id="a concatenation joins none"
    ),
    pytest.param(
        {**A8, **B8, **END16}, concat_of_shortcut, {"a+b": (8, ""), "end": (4, LAST)}, id="a channel that comes twice"
    ),
    pytest.param({**A8, **END16}, pooled, {"a": (8, ""), "end": (4, LAST)}, id="pooling and upsampling pass through"),
    pytest.param(
        {**A8, **B8, "after": nn.BatchNorm2d(16), **END16},
        norm_after_concat,
        {"a": (8, ""), "b": (8, ""), "end": (4, LAST)},
        id="a batch norm over two groups",
    ),
    pytest.param(
        {**A8, **B8, **C8, **END}, twice, {"a+b": (8, ""), "c": (8, ""), "end": (4, LAST)}, id="a layer used twice"
    ),
    pytest.param(HALVES, halves, {"a+b": (4, ""), "end": (4, LAST)}, id="halves of a split, added up"),
    pytest.param(
        {**A8, **conv("b", 4, 4), **conv("end", 12, 4, norm=False)},
        own_halves,
        {"a": (4, ""), "b": (4, ""), "end": (4, LAST)},
        id="halves of a split stay equally wide",
    ),
    pytest.param(
        {**conv("a", 3, 12), **conv("end", 12, 4, norm=False)}, thirds, {"a": (4, ""), "end": (4, LAST)}, id="thirds"
    ),
    pytest.param(
        {**A8, **conv("b", 3, 4), **conv("end", 4, 4, norm=False)},
        chunk_into_shortcut,
        {"a+b": (4, ""), "end": (4, LAST)},
        id="a shortcut with half of a split",
    ),
    pytest.param(
        {**A8, **DEPTHWISE, **END}, chain, {"a+b": (8, ""), "end": (4, LAST)}, id="depthwise: each of its own"
    ),
    pytest.param({**A8, **DEPTHWISE, **END16}, ghost, {"a+b": (8, ""), "end": (4, LAST)}, id="beside what it makes"),
    pytest.param(
        WIDE,
        partial_overlap,
        {"a+c": (8, ""), "b+c": (8, ""), "end": (4, LAST)},
        id="a wide convolution added to two narrow ones",
    ),
    pytest.param(
        WIDE,
        wide_last,
        {"c+a": (8, ""), "c+b": (8, ""), "end": (4, LAST)},
        id="two narrow ones added to a wide convolution",
    ),
]


@pytest.mark.parametrize(("layers", "forward", "expected"), GROUPS)
def test_channels_that_go_together(layers: dict, forward: Callable, expected: dict) -> None:
    assert found(flow_of(Net(layers, forward))) == expected


def through(step: Callable[[torch.Tensor], torch.Tensor]) -> Callable:
    """A chain whose first activation passes through `step`."""
    return lambda m, x: m.end(m.act("b", step(m.act("a", x))))


def to_the_image(m: Net, x: torch.Tensor) -> torch.Tensor:
    return m.end(x + m.act("b", m.act("a", x)))


def bare_branch(m: Net, x: torch.Tensor) -> torch.Tensor:
    a = m.act("a", x)
    return m.end(a + m.b(a))


def bare_use(m: Net, x: torch.Tensor) -> torch.Tensor:
    a = m.a(x)
    return m.end(F.silu(m.a_n(a)) + m.act("b", F.silu(a)))


def free_kernel(m: Net, x: torch.Tensor) -> torch.Tensor:
    return m.end(m.act("b", F.conv2d(m.act("a", x), m.a.weight.new_ones(8, 8, 1, 1))))


def normed_last(m: Net, x: torch.Tensor) -> torch.Tensor:
    a = m.a_n(m.a(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    return m.end(m.act("b", a))


def scaled_branch(m: Net, x: torch.Tensor) -> torch.Tensor:
    a = m.a_n(m.a(x))
    return m.end(a + m.b(a) * m.gamma.scale.view(1, -1, 1, 1))


class Scale(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(8))


CHAIN = {**A8, **B8, **END}
PINNED = [
    pytest.param(CHAIN, through(lambda a: a.softmax(1)), "a", "softmax", id="softmax mixes channels"),
    pytest.param(CHAIN, through(torch.sigmoid), "a", "sigmoid", id="the sigmoid of a silent channel is not silent"),
    pytest.param(CHAIN, through(lambda a: a + 1), "a", "add", id="nor is a silent channel plus a number"),
    pytest.param(CHAIN, through(lambda a: a * 2), "a", "mul", id="a product with a number is not followed"),
    pytest.param(CHAIN, through(lambda a: a.sigmoid() * a.sigmoid()), "a", "mul", id="two gates are never silent"),
    pytest.param(CHAIN, through(lambda a: F.pad(a, (1, 1, 1, 1), value=0.5)), "a", "pad", id="padding with a value"),
    pytest.param(CHAIN, through(lambda a: F.pad(a, (0, 0, 0, 0, 1, 0))[:, 1:]), "a", "pad", id="padding with channels"),
    pytest.param(CHAIN, through(lambda a: a.flip(1)), "a", "flip", id="channels in another order"),
    pytest.param(CHAIN, through(lambda a: torch.cat([a, a], 2)), "a", "cat", id="images put below each other"),
    pytest.param(CHAIN, through(lambda a: a + a.mean((2, 3), True)), "a", "mean", id="an addition that broadcasts"),
    pytest.param(CHAIN, through(lambda a: a + a[:, :1]), "a", "slice", id="one channel added to all"),
    pytest.param(
        {**conv("a", 3, 12), **conv("b", 4, 4), **conv("end", 4, 4, norm=False)},
        lambda m, x: m.end(m.act("b", m.act("a", x).split((4, 8), 1)[0])),
        "a",
        "split",
        id="an unequal split",
    ),
    pytest.param(
        {**A8, **conv("b", 4, 4), **conv("end", 4, 4, norm=False)},
        lambda m, x: m.end(m.act("b", m.act("a", x).split((4, 4), 1)[0])),
        "a",
        "split",
        id="a split whose width is written down elsewhere",
    ),
    pytest.param(
        {**A8, **B8, **END}, through(lambda a: torch.cat(a.chunk(2, 2), 2)), "a", "chunk", id="a split of the rows"
    ),
    pytest.param(
        {**A8, **conv("b", 8, 8, norm=False), **END},
        lambda m, x: m.end(m.act("a", x) + m.b(m.act("a", x)).view(x.shape[0], 8, 16, 16)),
        "a",
        "view",
        id="a view that has its width from elsewhere",
    ),
    pytest.param(
        {**A8, **conv("b", 8, 8, 3, groups=4), **END},
        chain,
        "a",
        "feeds the grouped convolution b",
        id="grouped, before",
    ),
    pytest.param(
        {**A8, **conv("b", 8, 8, 3, groups=4), **END}, chain, "b", "leaves a grouped convolution", id="grouped, after"
    ),
    pytest.param(
        {**A8, **conv("b", 8, 16, 3, groups=8), **END16},
        chain,
        "a",
        "feeds the grouped convolution b",
        id="two of each",
    ),
    pytest.param(
        {**A8, **conv("b", 8, 3), **conv("end", 3, 4, norm=False)},
        to_the_image,
        "b",
        "the image's own channels",
        id="a shortcut from the image",
    ),
    pytest.param(
        {**A8, "a_n": nn.BatchNorm2d(8, affine=False), **B8, **END},
        chain,
        "a",
        "batch_norm",
        id="a norm without gammas",
    ),
    pytest.param({**A8, "a_n": nn.GroupNorm(2, 8), **B8, **END}, chain, "a", "group_norm", id="a norm over channels"),
    pytest.param(
        {**A8, "a_n": nn.LayerNorm(8), **B8, **END},
        normed_last,
        "a",
        "permute",
        id="a layer norm that does not know what is gone",
    ),
    pytest.param(CHAIN, through(lambda a: a.permute(0, 1, 3, 2)), "a", "permute", id="turned images"),
    pytest.param(CHAIN, free_kernel, "a", "conv2d", id="a convolution with a computed kernel"),
    pytest.param(CHAIN, chain, "end", LAST, id="what the model puts out"),
]


FOLLOWED = [
    pytest.param(lambda a: a + 0, id="plus nothing"),
    pytest.param(lambda a: a * F.adaptive_avg_pool2d(a, 1).sigmoid(), id="a gate: silent where its channel is"),
    pytest.param(lambda a: a * a, id="a product of what is silent"),
    pytest.param(lambda a: F.pad(a, (0, 1, 0, 1)), id="padding with zeros"),
    pytest.param(lambda a: F.pad(a, (1, 1, 1, 1), mode="reflect"), id="padding with what is there"),
]


@pytest.mark.parametrize("step", FOLLOWED)
def test_operators_that_leave_silent_channels_silent(step: Callable) -> None:
    assert found(flow_of(Net(CHAIN, through(step)))) == {"a": (8, ""), "b": (8, ""), "end": (4, LAST)}


@pytest.mark.parametrize("normed", [True, False])
def test_a_transposed_convolution_is_followed(normed: bool) -> None:
    layers = {**A8, "b": nn.ConvTranspose2d(8, 6, 2, 2), "b_n": nn.BatchNorm2d(6), **conv("end", 6, 4, norm=False)}
    flow = flow_of(Net(layers, chain if normed else lambda m, x: m.end(m.b(m.act("a", x)))))
    assert found(flow) == {"a": (8, ""), "b": (6, ""), "end": (4, LAST)}
    assert flow.bare == (frozenset() if normed else {"b"}) and flow.convolutions["b"].transposed


BARE = [
    pytest.param(
        {**A8, **conv("b", 8, 8, 3, norm=False, groups=8), **END},
        lambda m, x: m.end(m.b(m.act("a", x))),
        {"a+b": (8, ""), "end": (4, LAST)},
        {"b"},
        id="depthwise with a bias",
    ),
    pytest.param(
        {**A8, **conv("b", 8, 8, norm=False), **END},
        bare_branch,
        {"a+b": (8, ""), "end": (4, LAST)},
        {"b"},
        id="a branch without gammas",
    ),
    pytest.param(
        {**A8, **B8, **END}, bare_use, {"a+b": (8, ""), "end": (4, LAST)}, {"a"}, id="a use that by-passes the norm"
    ),
    pytest.param(
        {**conv("a", 3, 8, norm=False), "a_n": nn.Identity(), **B8, **END},
        chain,
        {"a": (8, ""), "b": (8, ""), "end": (4, LAST)},
        {"a"},
        id="none",
    ),
    pytest.param(
        {**A8, "a_n": LayerNorm2d(8), **B8, **END},
        chain,
        {"a": (8, ""), "b": (8, ""), "end": (4, LAST)},
        {"a"},
        id="a layer norm: its statistics are over what comes out",
    ),
    pytest.param(
        {**A8, "a_n": LayerNorm2d(8), **conv("b", 8, 8, norm=False), "gamma": Scale(), **END},
        scaled_branch,
        {"a+b": (8, ""), "end": (4, LAST)},
        {"a", "b"},
        id="a layer scale",
    ),
]


@pytest.mark.parametrize(("layers", "forward", "groups", "bare"), BARE)
def test_channels_without_a_batch_norm_are_followed(
    layers: dict, forward: Callable, groups: dict, bare: set[str]
) -> None:
    net = Net(layers, forward)
    flow = flow_of(net)
    assert (found(flow), flow.bare) == (groups, bare)
    assert flow.scale_behind == ({"b": "gamma.scale"} if "gamma" in layers else {})
    normed = [name for name, layer in layers.items() if isinstance(layer, LayerNorm2d)]
    assert list(flow.layer_norms) == normed
    assert flow.normalised == ({"a"} if normed else set())
    assert not set(normed) & set(flow.gammas(net)), "what a layer norm weighs is not penalised"


@pytest.mark.parametrize(("layers", "forward", "groups", "reason"), PINNED)
def test_what_is_not_understood_is_pinned_with_its_reason(
    layers: dict, forward: Callable, groups: str, reason: str
) -> None:
    by_members = found(flow_of(Net(layers, forward)))
    names = [groups] if groups in by_members else list(groups)
    for name in names:
        pinned = by_members[name][1]
        assert any(part in pinned for part in reason.split("|")), (name, pinned)


def test_halves_are_united_by_rank() -> None:
    net = Net({**A8, **conv("b", 4, 4), **conv("end", 12, 4, norm=False)}, own_halves)
    with torch.no_grad():
        net.a_n.weight.copy_(torch.tensor([0.1, -0.9, 0.5, 0.3, 0.8, 0.2, -0.6, 0.4]))
    (group, *_) = flow_of(net).groups
    assert group.places == {"a": [[0, 1, 2, 3], [5, 4, 6, 7]]}, "the weakest with the weakest, whatever the sign"
    told = {"a": [[3, 2, 1, 0], [4, 5, 6, 7]]}
    (again, *_) = channel_flow(net, torch.zeros(1, 3, 16, 16), [told]).groups
    assert again.places == {"a": [[0, 1, 2, 3], [7, 6, 5, 4]]}, "the pairs that are told"


def test_rank_counts_what_a_shortcut_adds() -> None:
    """The second half is added to `b`, whose gammas count as much."""
    layers = {**A8, **conv("b", 4, 4), **conv("end", 8, 4, norm=False)}

    def forward(m: Net, x: torch.Tensor) -> torch.Tensor:
        left, right = m.act("a", x).chunk(2, 1)
        return m.end(torch.cat([left, right + m.act("b", right)], 1))

    net = Net(layers, forward)
    with torch.no_grad():
        net.a_n.weight.copy_(torch.tensor([0.1, 0.2, 0.3, 0.4, 0.1, 0.2, 0.3, 0.4]))
        net.b_n.weight.copy_(torch.tensor([0.9, 0.1, 0.8, 0.1]))
    assert flow_of(net).groups[0].places == {"a": [[0, 1, 2, 3], [5, 7, 6, 4]]}


@pytest.mark.parametrize(
    "told",
    [
        pytest.param([[0, 1, 2, 3]], id="one row"),
        pytest.param([[0, 1, 2, 3], [4, 4, 5, 6]], id="a channel twice"),
        pytest.param([[0, 1, 2, 3], [0, 1, 2, 3]], id="the other half"),
        pytest.param([[0, 1, 2], [4, 5, 6]], id="too few"),
    ],
)
def test_pairs_that_do_not_fit_are_refused(told: list[list[int]]) -> None:
    net = Net({**A8, **conv("b", 4, 4), **conv("end", 12, 4, norm=False)}, own_halves)
    with pytest.raises(ModelError, match="does not pair the 2 x 4 channels of a, each once"):
        channel_flow(net, torch.zeros(1, 3, 16, 16), [{"a": told}])


def test_layers_know_the_classes_of_both_sides() -> None:
    flow = flow_of(Net({**A8, **B8, **END16}, concat_of_shortcut))
    a, b, end = (flow.convolutions[name] for name in ("a", "b", "end"))
    assert a.outputs.tolist() == b.outputs.tolist() == b.inputs.tolist() == flow.norms["a_n"].outputs.tolist()
    assert end.inputs.tolist() == a.outputs.tolist() * 2
    assert not set(end.outputs) & set(a.outputs)


def test_groups_name_the_batch_norms_that_score_them() -> None:
    flow = flow_of(Net({**A8, **B8, "after": nn.BatchNorm2d(16), **END16}, norm_after_concat))
    assert [g.norms for g in flow.groups] == [["a_n"], ["b_n"], []]
    assert flow.norms["after"].outputs.tolist() == [*flow.groups[0].classes, *flow.groups[1].classes]


def test_gammas_are_those_of_channels_that_can_go() -> None:
    net = Net(
        {**A8, **conv("b", 8, 8, 3, groups=4), **C8, **END}, lambda m, x: m.end(m.act("c", m.act("b", m.act("a", x))))
    )
    gammas = flow_of(net).gammas(net)
    assert list(gammas) == ["c_n"], "those beside a grouped convolution stay"
    assert gammas["c_n"] is net.c_n.weight


@pytest.mark.parametrize("training", [True, False])
def test_tracing_leaves_the_model_as_it_was(training: bool) -> None:
    net = Net({**A8, **B8, **END}, chain).train(training)
    before = {k: v.clone() for k, v in net.state_dict().items()}
    flow_of(net)
    assert net.training is training and net.a_n.training is training
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())


def test_model_that_cannot_be_traced_is_put_back() -> None:
    net = Net({**A8, **B8, **END}, lambda m, x: m.end(x)).train()
    with pytest.raises(RuntimeError):
        flow_of(net)
    assert net.training


def test_yolov5n_has_the_groups_of_its_shortcuts(tiny_model: Callable[..., Yolov5], nano_flow: ChannelFlow) -> None:
    model, flow = tiny_model(width_multiple=0.25), nano_flow
    together = {
        f"model.{i}.cv1.conv": [f"model.{i}.cv1.conv", *(f"model.{i}.m.{j}.cv2.conv" for j in range(n))]
        for i, n in ((2, 1), (4, 2), (6, 3), (8, 1))
    }
    elsewhere = {member for members in together.values() for member in members}
    names = [n for n, m in model.named_modules() if isinstance(m, nn.Conv2d)]
    expected = {n: together.get(n, [n]) for n in names if n in together or n not in elsewhere}
    assert {g.name: g.convolutions for g in flow.groups} == expected
    assert len(flow.groups) == 53
    heads: list[Group] = [g for g in flow.groups if g.pinned]
    assert [(g.name, len(g.classes)) for g in heads] == [(f"model.24.m.{i}", 24) for i in range(3)]
    assert {g.pinned for g in heads} == {"reaches the operator view"}
    for group in flow.groups:
        assert group.norms == [n.replace(".conv", ".bn") for n in group.convolutions if "24.m" not in n]
    assert sum(len(g.classes) for g in flow.groups if not g.pinned) == 4352, "counted by hand from the layers' widths"
