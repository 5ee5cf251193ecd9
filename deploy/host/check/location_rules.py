"""Rules about the files that a stream writes: filesink and mxpi_dumpdata open whatever their location names."""

from __future__ import annotations

from collections.abc import Iterator

from deploy.host.check.stream_view import StreamView
from deploy.host.pipeline.findings import WARNING, Finding
from deploy.locations import WRITERS, leads_out


def location_findings(view: StreamView) -> Iterator[Finding]:
    for element in view.of(*WRITERS):
        location = element.text("location")
        if leads_out(location):
            sentence = (
                f"{view.where(element)}: location is {location}, outside the folder in which the stream runs; the "
                "driver refuses to write there"
            )
            yield Finding(element.line_of("location"), WARNING, sentence)
