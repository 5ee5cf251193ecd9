"""The recipe file: stages in a YAML, each a verb with its options. Keys are strict, and errors name their lines.

    variables: {voc: VOCdevkit}          # ${voc} below; --set voc=PATH replaces it
    common: {imgsz: 320, batch-size: 16} # for every stage that has the option
    stages:
      - {stage: data voc2yolo, name: set, voc: "${voc}"}
      - {stage: train, name: dense, data: "${set}", cfg: yolov5n, epochs: 30}
      - {stage: prune, weights: "${dense}", percent: 0.5}

A stage's result stands for its name in the stages behind it; ${dense.last} is another value of its answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from compress.chain.placement import placed_options
from compress.chain.verbs import check_options, open_options
from compress.verb import Verb
from compress.yaml_file import LONGEST
from compute_mAP.text_file import read_text
from deploy.errors import DataError, UsageError
from deploy.wording import nearest, shortened

_TOP = ("variables", "common", "stages")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_USE = re.compile(r"\$\{([^{}]*)\}")


@dataclass(frozen=True)
class Stage:
    """One stage: its name, its verb's name, and its options with ${...} still in them. `where` has the file and line of
    each option, under "" that of the stage."""

    name: str
    verb: str
    options: dict[str, Any]
    where: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """A recipe that was found right, with its variables' values."""

    file: Path
    variables: dict[str, str]
    stages: list[Stage]


def read_recipe(file: Path, given: Mapping[str, str], verbs: Mapping[str, Verb]) -> Recipe:
    """Read and check a recipe; `given` replaces values of its variables.

    Raises DataError for a file that is missing or no YAML, UsageError, naming the line, for what is wrong in it.
    """
    top = _mapping(file, _composed(file))
    for key, (_, line) in top.items():
        if key not in _TOP:
            raise UsageError(f"{line}: there is no key '{key}'{nearest(key, _TOP)}, expected one of {', '.join(_TOP)}")
    if "stages" not in top:
        raise UsageError(f"{file}: the key 'stages' is missing{nearest('stages', top)}")
    variables = _variables(file, top, given)
    node, line = top["stages"]
    if not isinstance(node, yaml.SequenceNode) or not node.value:
        raise UsageError(f"{line}: 'stages' holds no list of stages")
    common = _options(file, top["common"][0]) if "common" in top else {}
    unused = set(common)
    stages: list[Stage] = []
    for entry in node.value:
        stages.append(_stage(file, entry, common, verbs, variables, stages))
        unused -= open_options(verbs[stages[-1].verb]).keys()
    if unused:
        key = min(unused)
        known = sorted({name for stage in stages for name in open_options(verbs[stage.verb])})
        raise UsageError(f"{common[key][1]}: no stage has the option '{key}'{nearest(key, known)}")
    return Recipe(file, variables, stages)


def filled(stage: Stage, variables: Mapping[str, str], answers: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The stage's options with every ${...} replaced. `answers` are those of the stages before it, by name.

    Raises UsageError, naming the line, for a value that an answer does not have.
    """

    def replaced(value: Any, where: str) -> Any:
        if isinstance(value, list):
            return [replaced(entry, where) for entry in value]
        if not isinstance(value, str):
            return value

        def use(found: re.Match[str]) -> str:
            name, _, key = found[1].partition(".")
            if not key and found[1] in variables:
                return variables[found[1]]
            answer = answers[name]
            got = answer.get(key or "result")
            if got is None:
                known = sorted(entry for entry, text in answer.items() if isinstance(text, (str, int, float)))
                raise UsageError(
                    f"{where}: the stage '{name}' answers no '{key or 'result'}'{nearest(key, known)}, "
                    f"expected one of {shortened(known, 20)}"
                )
            return str(got)

        return _USE.sub(use, value)

    return {key: replaced(value, stage.where.get(key, stage.where[""])) for key, value in stage.options.items()}


def _stage(
    file: Path,
    node: yaml.Node,
    common: Mapping[str, tuple[Any, str]],
    verbs: Mapping[str, Verb],
    variables: Mapping[str, str],
    before: list[Stage],
) -> Stage:
    place = _place(file, node)
    found = _options(file, node)
    if "stage" not in found:
        raise UsageError(f"{place}: the stage has no key 'stage'{nearest('stage', found)}, expected a verb")
    verb, line = found.pop("stage")
    if verb not in verbs:
        raise UsageError(f"{line}: there is no verb '{verb}'{nearest(str(verb), verbs)}: one of {', '.join(verbs)}")
    name, line = found.pop("name", (str(verb).split()[-1], place))
    if not isinstance(name, str) or not _NAME.fullmatch(name) or "." in name:
        raise UsageError(f"{line}: 'name' is {name!r}, expected letters, digits, - and _")
    if name in variables or any(stage.name == name for stage in before):
        raise UsageError(f"{line}: the name '{name}' is taken; give the stage another one")
    shared = {key: pair for key, pair in common.items() if key in open_options(verbs[verb]) and key not in found}
    every = {**shared, **found}
    where = {"": place, **{key: line for key, (_, line) in every.items()}}
    options = {key: value for key, (value, _) in every.items()}
    _check_uses(options, where, variables, before)
    unknown = {key for key, value in options.items() if _uses(value)}
    check_options(verbs[verb], options, where, unknown, placed_options(verbs[verb], options, Path(), name))
    return Stage(name, verb, options, where)


def _uses(value: Any) -> list[str]:
    """What the value takes from elsewhere: the names in its ${...}."""
    texts = value if isinstance(value, list) else [value]
    return [name for text in texts if isinstance(text, str) for name in _USE.findall(text)]


def _check_uses(
    options: Mapping[str, Any], where: Mapping[str, str], variables: Mapping[str, str], before: list[Stage]
) -> None:
    known = [*variables, *(stage.name for stage in before)]
    for key, value in options.items():
        for used in _uses(value):
            if used not in variables and used.partition(".")[0] not in known[len(variables) :]:
                raise UsageError(
                    f"{where[key]}: ${{{used}}} is neither a variable nor a stage before this one{nearest(used, known)}"
                )


def _variables(file: Path, top: Mapping[str, tuple[yaml.Node, str]], given: Mapping[str, str]) -> dict[str, str]:
    found = _options(file, top["variables"][0]) if "variables" in top else {}
    for name in given:
        if name not in found:
            raise UsageError(
                f"--set {name}: {file} has no variable '{name}'{nearest(name, found)}, it has {shortened(list(found))}"
            )
    values = {name: given.get(name, value) for name, (value, _) in found.items()}
    for name, value in values.items():
        if value is None:
            raise UsageError(f"{found[name][1]}: the variable '{name}' has no value; give one with --set {name}=...")
    return {name: str(value) for name, value in values.items()}


def _composed(file: Path) -> yaml.Node:
    if not file.exists():
        raise DataError(f"{file}: there is no such recipe")
    text = read_text(file, "recipe", LONGEST)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        line = f" line {mark.line + 1}:" if mark else ""
        raise DataError(f"{file}:{line} not valid YAML: {fault.problem or fault.context}") from None
    except (yaml.YAMLError, RecursionError) as fault:
        raise DataError(f"{file}: not valid YAML: {str(fault).splitlines()[0]}") from None
    if node is None:
        raise DataError(f"{file}: is empty, expected a recipe with the key 'stages'")
    return node


def _mapping(file: Path, node: yaml.Node) -> dict[str, tuple[yaml.Node, str]]:
    if not isinstance(node, yaml.MappingNode):
        raise UsageError(f"{_place(file, node)}: expected keys with values")
    found: dict[str, tuple[yaml.Node, str]] = {}
    for key, value in node.value:
        if key.value in found:
            raise UsageError(f"{_place(file, key)}: the key '{key.value}' is there twice")
        found[str(key.value)] = value, _place(file, key)
    return found


def _options(file: Path, node: yaml.Node) -> dict[str, tuple[Any, str]]:
    """Keys, with - for _, and their plain values and places."""
    return {key.replace("_", "-"): (_plain(value), place) for key, (value, place) in _mapping(file, node).items()}


def _plain(node: yaml.Node) -> Any:
    return yaml.SafeLoader("").construct_object(node, deep=True)


def _place(file: Path, node: yaml.Node) -> str:
    return f"{file}: line {node.start_mark.line + 1}"
