"""Our YOLOv8 post-processor against ultralytics' own head and suppression, on the same raw branches."""

import numpy as np
import pytest
import torch
from ultralytics.nn.modules.head import Detect
from ultralytics.utils.nms import non_max_suppression

from deploy.postprocess.mapping import STRETCH, Geometry
from deploy.postprocess.yolov8 import Yolov8Config, decode

CHANNELS = (16, 24, 32)
SIZES = ((20, 24), (10, 12), (5, 6))  # of a 192 x 160 px input
WHOLE = Geometry(192, 160, 192, 160, STRETCH, 0.0)


@pytest.mark.parametrize(
    ("class_num", "conf", "iou"),
    [
        pytest.param(3, 0.25, 0.7, id="the usual thresholds"),
        pytest.param(1, 0.1, 0.45, id="one class"),
        pytest.param(20, 0.3, 0.6, id="twenty classes"),
    ],
)
def test_the_same_boxes_as_ultralytics(class_num, conf, iou, monkeypatch):
    monkeypatch.setattr(Detect, "legacy", False)  # ultralytics sets this for the whole process, model by model
    torch.manual_seed(class_num)
    head = Detect(nc=class_num, ch=CHANNELS).eval()
    head.stride = torch.tensor([8.0, 16.0, 32.0])
    for branch in (*head.cv2, *head.cv3):  # freshly initialised, all boxes and scores are alike
        torch.nn.init.normal_(branch[-1].weight, 0, 30)
    features = [torch.randn(1, c, *size) for c, size in zip(CHANNELS, SIZES)]
    with torch.no_grad():
        raw = [b[i](features[i]).numpy() for i in range(3) for b in (head.cv2, head.cv3)]
        raw[1::2] = [kind - 2 for kind in raw[1::2]]
        for branch in head.cv3:
            branch[-1].bias -= 2
        decoded = head([feature.clone() for feature in features])[0]
    (expected,) = non_max_suppression(decoded, conf, iou, max_det=10_000, max_time_img=60)
    expected = expected.numpy()
    expected[:, :4] = np.clip(expected[:, :4], 0, [192, 160, 192, 160])
    found = decode(raw, Yolov8Config(class_num, conf, iou), WHOLE)
    expected = expected[np.lexsort((-expected[:, 4], expected[:, 5]))]
    assert len(expected) > 20
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found[:, 5], expected[:, 5])
    np.testing.assert_allclose(found[:, :4], expected[:, :4], atol=1e-3)
    np.testing.assert_allclose(found[:, 4], expected[:, 4], atol=1e-5)
