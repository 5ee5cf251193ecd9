"""report: one page that shows models side by side."""

from __future__ import annotations

from compress.commands.printing import say
from compress.stages.report import ReportSettings
from compress.stages.report import report as write
from compress.verb import Answer, Verb


def report(settings: ReportSettings) -> Answer:
    done = write(settings, say)
    return Answer(done.to_json(), "\n".join(str(file) for file in (done.page, done.gif) if file))


VERB = Verb("report", "one page that shows models side by side and opens without a network", ReportSettings, report)
