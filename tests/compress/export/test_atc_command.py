"""The ATC command."""

from compress.export.atc_command import atc_command


def test_exact_arguments() -> None:
    outputs = [{"name": f"output{i}", "node": f"/model.24/Transpose_{i}", "shape": []} for i in range(3)]
    assert atc_command(384, 640, "images", outputs, "Ascend310P3") == [
        "atc",
        "--model=model.onnx",
        "--framework=5",  # ONNX
        "--output=model",  # ATC adds .om
        "--input_format=NCHW",
        "--input_shape=images:1,3,384,640",  # no quotes: the list goes to no shell
        "--enable_small_channel=1",
        "--insert_op_conf=aipp.cfg",
        "--soc_version=Ascend310P3",
        "--out_nodes=/model.24/Transpose_0:0;/model.24/Transpose_1:0;/model.24/Transpose_2:0",
        "--output_type=FP32",
    ]
