"""Code that a pipeline names, modules in Python and libraries: whose it is, and whether it may run.

A bundle comes from anywhere, and a post-processor is a program: one in Python here, on a board a library as well. This
project's own may run, another one only where the user says so; a pipeline that he names himself is his own choice.
Nothing is imported to find out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from deploy.bundle import DESCRIPTION, Bundle, rewrite
from deploy.console import note
from deploy.errors import ModelError
from deploy.hashes import file_sha256
from deploy.run.pipeline_file import PipelineFile

OWN = "deploy.postprocess."
_ROOT = Path(__file__).resolve().parents[2]


class Code(NamedTuple):
    """A class that an element runs; `file` is where its module lies, None where that is somewhere on Python's path.
    Without a module it is a library, in `file`."""

    element: str
    module: str
    class_name: str
    file: Path | None

    @property
    def is_own(self) -> bool:
        name = self.module[len(OWN) :]
        own = self.module.startswith(OWN) and name.isidentifier()
        return own and (_ROOT / "deploy" / "postprocess" / f"{name}.py").is_file()

    def __str__(self) -> str:
        if not self.module and self.file:
            return f"{self.element} loads the library {self.file}"
        place = self.file or "Python's path"
        return f"{self.element} runs the class {self.class_name} of the module {self.module} in {place}"


def codes(pipeline: PipelineFile) -> Iterator[Code]:
    """The classes in Python that a pipeline's elements run, and the libraries that are not the SDK's: files that lie
    where the pipeline's relative paths start."""
    for name, element in pipeline.elements.items():
        props = element.get("props")
        if isinstance(props, dict) and (props.get("funcLanguage") == "python" or props.get("pythonModule")):
            module, class_name = str(props.get("pythonModule", "")), str(props.get("className", ""))
            folder = pipeline.folder / str(props.get("postProcessLibPath", ""))
            yield Code(name, module, class_name, _file_of(folder, module))
        elif isinstance(props, dict) and (library := _library(pipeline.folder, props.get("postProcessLibPath"))):
            yield Code(name, "", "", library)


def check_code(pipeline: PipelineFile, bundle: Bundle | None, trust: bool) -> None:
    """Say whose code a pipeline runs. `bundle` is the one that the pipeline came with, None where the user named it.

    With `trust` a bundle's own code may run; a module in the bundle's folder is then listed in bundle.json with its
    hash, so that a later change is noticed. Raises ModelError for a bundle's code without `trust`, and for a module
    that is not the one that is listed.
    """
    for code in codes(pipeline):
        if code.is_own:
            continue
        if bundle is None:
            note(f"{code}, as the pipeline says")
            continue
        listed = _check_hash(code, bundle)
        if not trust:
            raise ModelError(
                f"{pipeline.path}: {code}, which came with the bundle and is not this project's; read it, and let it "
                "run with --trust"
            )
        digest = "" if code.file is None else f" (SHA-256 {file_sha256(code.file)[:12]})"
        note(f"{code}{digest}, as --trust allows")
        if not listed and code.file is not None and code.file.resolve().parent == bundle.folder.resolve():
            rewrite(bundle, {}, [code.file.name])
            note(f"{bundle.folder / DESCRIPTION} lists {code.file.name} from now on: a change of it will be noticed")


def _check_hash(code: Code, bundle: Bundle) -> bool:
    """Whether the module is listed in bundle.json. Raises ModelError where it is another one by now."""
    if code.file is None:
        return False
    if code.file.resolve().parent != bundle.folder.resolve():
        return False
    expected = bundle.description["files"].get(code.file.name)
    if expected is None:
        return False
    found = file_sha256(code.file)
    if found != expected:
        raise ModelError(
            f"{code.file} is not the program that was trusted: its SHA-256 starts with {found[:12]}, {DESCRIPTION} "
            f"says {expected[:12]}; if the change is meant, take its line out of {DESCRIPTION} and use --trust again"
        )
    return True


def _library(folder: Path, value: object) -> Path | None:
    """The file of a library that is not the SDK's or the board's own."""
    if not isinstance(value, str) or PurePosixPath(value).is_absolute():
        return None
    try:
        return folder / value if (folder / value).is_file() else None
    except (OSError, ValueError):  # no file can have that name
        return None


def _file_of(folder: Path, module: str) -> Path | None:
    """A module's file under a folder, found by its name alone."""
    parts = module.split(".")
    if not all(part.isidentifier() for part in parts):
        return None
    place = folder.joinpath(*parts)
    candidates = (place / "__init__.py", place.with_name(f"{place.name}.py"))
    return next((file for file in candidates if file.is_file()), None)
