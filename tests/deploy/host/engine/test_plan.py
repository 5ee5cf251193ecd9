"""How elements are numbered, in which order an element takes its inputs, and which appsrcs belong together."""

from __future__ import annotations

import pytest

from deploy.host.engine.engine import Engine
from deploy.host.engine.factories import plugin_for
from deploy.host.engine.plan import Plan
from deploy.host.pipeline.description import Element, Link, Stream
from deploy.host.pipeline.read import parse_pipeline
from deploy.sdk_codes import SdkFault
from tests.deploy.host.wiring import pipeline


def plan(*chains: str) -> Plan:
    (stream,) = parse_pipeline(pipeline(*chains))
    return Plan(stream, [plugin_for(element) for element in stream.elements])


def names(steps) -> list[str]:
    return [step.plugin.name for step in steps]


@pytest.mark.parametrize(
    ("chains", "sources", "sinks"),
    [
        pytest.param(["appsrc0 appsink0"], ["appsrc0"], ["appsink0"], id="one of each"),
        pytest.param(
            ["appsrc0 tee0 appsink10", "tee0 appsink2", "tee0 appsink1"],
            ["appsrc0"],
            ["appsink1", "appsink2", "appsink10"],
            id="appsinks by their numbers, not as texts",
        ),
        pytest.param(
            ["appsrc0 tee0 appsink7", "tee0 appsink3"], ["appsrc0"], ["appsink3", "appsink7"], id="numbers with gaps"
        ),
        pytest.param(
            ["appsrc0 tee0 appsink012", "tee0 appsink9"], ["appsrc0"], ["appsink9", "appsink012"], id="a leading zero"
        ),
        pytest.param(
            ["appsrc2 appsink0", "appsrc10 appsink1"], ["appsrc10", "appsrc2"], ["appsink0", "appsink1"],
            id="appsrcs as texts",
        ),
    ],
)  # fmt: skip
def test_numbers(chains: list[str], sources: list[str], sinks: list[str]) -> None:
    made = plan(*chains)
    assert (names(made.source_steps), names(made.sink_steps)) == (sources, sinks)
    assert [step.sink for step in made.sink_steps] == list(range(len(sinks)))


def test_a_script_counts_appsinks_in_that_order() -> None:
    (stream,) = parse_pipeline(pipeline("appsrc0 tee0 appsink10", "tee0 appsink2"))
    engine = Engine(stream)
    try:
        assert engine.sink_names == ["appsink2", "appsink10"]
    finally:
        engine.stop()


def element(name: str, *links: Link, meta: tuple[Link, ...] = ()) -> Element:
    return Element(name, name.rstrip("0123456789"), {}, links, meta)


def planned(*elements: Element) -> Plan:
    return Plan(Stream("s", elements), [plugin_for(each) for each in elements])


@pytest.mark.parametrize(
    ("meeting", "groups"),
    [
        pytest.param(["appsink0", "appsink1"], [[0], [1]], id="two streams side by side"),
        pytest.param(["appsink0", "appsink0"], [[0, 1]], id="they meet"),
    ],
)
def test_groups(meeting: list[str], groups: list[list[int]]) -> None:
    sources = [element(f"appsrc{number}", Link(target)) for number, target in enumerate(meeting)]
    made = planned(*sources, *(element(name) for name in sorted(set(meeting))))
    assert sorted(group.sources for group in made.groups) == groups


def test_an_element_takes_its_inputs_by_port_and_those_of_next_meta_last() -> None:
    made = planned(
        element("appsrc0", Link("tee0")),
        element("tee0", Link("queue1"), Link("queue0"), meta=(Link("tee1"),)),
        element("queue1", Link("tee1", 1)),
        element("queue0", Link("tee1", 0)),
        element("tee1", Link("appsink0")),
        element("appsink0"),
    )
    tee, queue1, queue0, join = made.steps[1:5]
    assert join.inputs == [*queue0.outputs, *queue1.outputs, *tee.meta_outputs]
    assert [plugin.name for plugin in made.upstream(4)] == ["appsrc0", "tee0", "queue1", "queue0"]
    assert [[plugin.name for plugin in port] for port in made.upstream_by_port(4)] == [
        ["appsrc0", "tee0", "queue0"],
        ["appsrc0", "tee0", "queue1"],
        ["appsrc0", "tee0"],
    ]
    assert [plugin.name for plugin in made.downstream(2)] == ["tee1", "appsink0"]


@pytest.mark.parametrize(
    ("elements", "code", "sentence"),
    [
        pytest.param(
            [element("tee0", Link("appsink0")), element("appsink0")],
            6016,
            "tee0: no appsrc leads to it",
            id="no appsrc",
        ),
        pytest.param(
            [element("appsrc0", Link("tee0")), element("tee0", Link("tee0"))],
            6006,
            "s.tee0: next is tee0, no element after it",
            id="a loop",
        ),
    ],
)
def test_what_has_no_plan(elements: list[Element], code: int, sentence: str) -> None:
    with pytest.raises(SdkFault) as caught:
        planned(*elements)
    assert (caught.value.code, caught.value.sentence) == (code, sentence)
