"""What is kept on purpose: protected layers and the channels of shortcuts."""

from __future__ import annotations

import pytest

from compress.channels.flow import ChannelFlow
from compress.channels.protect import keep_shortcuts, protect
from deploy.errors import UsageError


def pinned_since(before: ChannelFlow, after: ChannelFlow) -> dict[str, str]:
    return {b.name: a.pinned for b, a in zip(before.groups, after.groups, strict=True) if a.pinned != b.pinned}


def test_shortcuts_are_the_groups_that_additions_unite(tiny_flow: ChannelFlow) -> None:
    found = pinned_since(tiny_flow, keep_shortcuts(tiny_flow))
    assert set(found) == {f"model.{i}.cv1.conv" for i in (2, 4, 6, 8)}, "the C3 blocks of the backbone, no other"
    assert set(found.values()) == {"shortcuts are kept"}


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        pytest.param(["model.0.conv"], ["model.0.conv"], id="one convolution"),
        pytest.param(["model.0"], ["model.0.conv"], id="a layer with what is in it"),
        pytest.param(["model.[01].conv"], ["model.0.conv", "model.1.conv"], id="a pattern"),
        pytest.param(
            ["model.1.*", "model.0.*"], ["model.0.conv", "model.1.conv"], id="two patterns, model.10 not meant"
        ),
        pytest.param(
            ["model.[24].m.*.cv1"],
            [f"model.{place}.cv1.conv" for place in ("2.m.0", "4.m.0", "4.m.1")],
            id="a pattern stands for what is in the layers that it matches, too",
        ),
        pytest.param(["model.2.m.0.cv2"], ["model.2.cv1.conv"], id="a member holds its whole group"),
        pytest.param([], [], id="none"),
    ],
)
def test_protected_layers(tiny_flow: ChannelFlow, patterns: list[str], names: list[str]) -> None:
    assert sorted(pinned_since(tiny_flow, protect(tiny_flow, patterns))) == sorted(names)


def test_the_first_reason_stays(tiny_flow: ChannelFlow) -> None:
    both = protect(keep_shortcuts(tiny_flow), ["model.*"])
    assert next(g for g in both.groups if g.name == "model.2.cv1.conv").pinned == "shortcuts are kept"
    assert not both.removable()


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        pytest.param("model.0.cnv", "did you mean 'model.0.conv'", id="a slip of the pen"),
        pytest.param("backbone*", " matches none of the", id="another naming"),
    ],
)
def test_pattern_that_matches_nothing_is_refused(tiny_flow: ChannelFlow, pattern: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        protect(tiny_flow, ["model.0.*", pattern])
    assert f"--protect {pattern} matches none of the" in str(caught.value) and hint in str(caught.value)
