"""detect: images and videos with boxes, from a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from compress.option import option
from compress.stages.inference import InferenceSettings, ready_model
from compress.verb import Answer, Verb
from deploy.video.source import video_source


@dataclass(frozen=True, kw_only=True)
class DetectSettings(InferenceSettings):
    source: tuple[str, ...] = option(
        many=True,
        metavar="PATH",
        help="an image, a video, a folder of them, camera:0 or 0, or rtsp://...; may be given several times",
    )
    frames: int | None = option(
        None, kind=int, low=1, high=10**9, help="of a camera or stream: so many frames; without it until Ctrl-C"
    )
    conf: float = option(0.4, low=0, high=1, help="least confidence, 0..1")
    iou: float = option(0.5, low=0, high=1, help="overlap for NMS, 0..1")
    out: str = option("runs/detect", metavar="DIR", help="where they go; an older one becomes DIR.prev")


def detect(settings: DetectSettings) -> Answer:
    from compress.report.drawn import check_out, draw_all, sources_in

    # a folder may be called 0; of files the folder's reader says what is wrong with each
    videos = {
        text: video_source(text, numbers=not Path(text).exists())
        for text in settings.source
        if not Path(text).is_file()
    }
    live = [video for video in videos.values() if video is not None and video.live]
    named = [Path(text) for text in settings.source if (video := videos.get(text)) is None or not video.live]
    check_out(Path(settings.out), named)
    sources = sources_in(named)
    model, imgsz, letterbox = ready_model(settings)
    report = draw_all(
        model, sources, Path(settings.out), imgsz, letterbox, settings.conf, settings.iou, live, settings.frames
    )
    counts = ", ".join(f"{name} {count}" for name, count in report.objects.items() if count) or "none"
    text = f"images {report.images}, frames of videos {report.frames}; objects: {counts}\n{settings.out}"
    result = {"out": settings.out, "pictures": report.images, "frames": report.frames, "objects": report.objects}
    return Answer({**result, "left_out": report.faults}, text)


VERB = Verb("detect", "draw what a checkpoint finds in images and videos", DetectSettings, detect)
