"""Which file an output option may name: never one that is read, nor a file of another kind that is there already."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from deploy.errors import ReportedError, UsageError


def check_out_file(
    option: str,
    out: Path,
    suffix: str,
    inputs: Iterable[str | Path | None],
    what: str = "",
    reads: Callable[[Path], object] | None = None,
) -> None:
    """Raise UsageError unless `option` can write `out`, which ends in `suffix` and is none of `inputs`.

    A link or another name of an input is that input. Suffixes such as .json say little: where `reads` is given, a file
    that is there is replaced only if `reads` takes it, as `what`.
    """
    if out.suffix.lower() != suffix:
        raise UsageError(f"{option} is {out}, expected a file that ends in {suffix}")
    if not out.exists():
        return
    if not out.is_file():
        raise UsageError(f"{option} is {out}, which is there and no file; expected a new file or one to replace")
    for given in inputs:
        if given is not None and Path(given).exists() and out.samefile(given):
            raise UsageError(f"{option} is {out}, the very file that is read; expected another one")
    if reads is None:
        return
    try:
        reads(out)
    except ReportedError:
        raise UsageError(
            f"{option} is {out}, which is there and no {what}; expected a new file or {what} to replace"
        ) from None
