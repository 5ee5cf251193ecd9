"""demo: the whole way on what comes with the project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from compress.chain.demo_pace import EPOCHS
from compress.commands import run
from compress.option import Settings, option
from compress.verb import Answer, Verb


@dataclass(frozen=True, kw_only=True)
class DemoSettings(Settings):
    out: str = option("demo", metavar="DIR", help="working folder")
    images: int = option(400, help="images to draw")
    epochs: int | None = option(
        None,
        kind=int,
        low=1,
        high=100_000,
        help=f"of fine-tuning (default: {EPOCHS}, fewer on a slow or busy computer)",
    )
    percent: float = option(0.5, help="the share of channels to remove, 0..1")


def demo(settings: DemoSettings) -> Answer:
    from compress.chain.demo import demo_page, run_demo
    from compress.report.comparison import COLUMNS, text_table

    verbs = {verb.name: verb for verb in run.STAGE_VERBS}
    rows = run_demo(verbs, Path(settings.out), settings.images, settings.epochs, settings.percent)
    models = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    page = demo_page(rows, Path(settings.out))
    return Answer({"models": models, "page": str(page)}, f"{text_table(rows)}\nthe page about both models: {page}")


VERB = Verb("demo", "the whole way on data and a model that come with the project", DemoSettings, demo)
