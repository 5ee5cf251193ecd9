"""The libraries of the SDK's post-processors, of both of its frameworks."""

YOLO = "libyolov3postprocess.so"
OLD_YOLO = "libMpYOLOv5PostProcessor.so"
OLD_YOLO_V3 = "libMpYOLOv3PostProcessor.so"
NO_SUCH = ("libyolov4postprocess.so", "libyolov5postprocess.so")
"""What people take for YOLOv4's and v5's own."""
OLD = (OLD_YOLO, OLD_YOLO_V3)
NEW = (
    YOLO,
    *("libresnet50postprocess.so", "libcrnnpostprocess.so", "libfasterrcnnpostprocess.so", "libssdvggpostprocess.so"),
    "libSsdMobilenetFpn_MindsporePost.so",
    *NO_SUCH,
)
