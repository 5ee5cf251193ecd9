"""The SDK's Python surface, end to end on a real bundle."""

import json
import threading
import time

import cv2
import pytest

from deploy.host.api import MxDataInput, StreamManagerApi, StringVector

NAME = b"detection"


@pytest.fixture
def folder(tiny_bundle, monkeypatch):
    """The bundle's folder, which is the current one."""
    path = tiny_bundle()
    monkeypatch.chdir(path)
    return path


@pytest.fixture
def api(folder):
    manager = StreamManagerApi()
    assert manager.InitManager() == 0
    assert manager.CreateMultipleStreamsFromFile(b"detect.pipeline") == 0, manager.LastError()
    yield manager
    manager.DestroyAllStreams()


def image(data):
    entry = MxDataInput()
    entry.data = data
    return entry


def objects(output):
    assert output.errorCode == 0, output.data
    return json.loads(output.data)["MxpiObject"]


def box(entry):
    return [entry[key] for key in ("x0", "y0", "x1", "y1")]


def test_known_images_give_known_boxes(api, blob_jpeg):
    # twice as large as the network's input, and wider than high: a letterbox
    assert api.SendData(NAME, 0, image(blob_jpeg([(1, 2, 0), (6, 3, 2)], 256, 192, cell=32))) == 0
    red, blue = objects(api.GetResult(NAME, 0))
    assert box(red) == pytest.approx([32, 64, 64, 96], abs=0.5)
    assert box(blue) == pytest.approx([192, 96, 224, 128], abs=0.5)
    assert [entry["classVec"][0]["className"] for entry in (red, blue)] == ["red", "blue"]
    assert red["classVec"][0]["confidence"] > 0.9


def test_boxes_in_the_padding_are_gone_and_clipped(api, blob_jpeg):
    api.SendData(NAME, 0, image(blob_jpeg([(7, 2, 1)], 256, 96, cell=32)))
    (green,) = objects(api.GetResult(NAME, 0))
    assert box(green) == pytest.approx([224, 64, 256, 96], abs=0.5)
    assert green["y1"] <= 96


@pytest.mark.parametrize("as_bytes", [True, False], ids=["bytes as the SDK wants", "str"])
def test_names_and_texts_as_bytes_or_str(folder, blob_jpeg, as_bytes):
    text = (folder / "detect.pipeline").read_text()
    name, element = ("detection", "appsrc0") if not as_bytes else (b"detection", b"appsrc0")
    api = StreamManagerApi()
    api.InitManager(StringVector())
    assert api.CreateMultipleStreams(text.encode() if as_bytes else text) == 0
    unique_id = api.SendDataWithUniqueId(name, element, image(blob_jpeg([(0, 0, 1)])))
    result = api.GetResultWithUniqueId(name, unique_id, 3000)
    assert isinstance(result.data, bytes)
    assert len(objects(result)) == 1
    assert api.StopStream(name) == 0
    assert api.StopStream(name) == 6002


def test_fifty_in_flight_come_back_matched(api, blob_jpeg):
    places = [(i % 8, i // 8, i % 3) for i in range(50)]
    ids = [api.SendDataWithUniqueId(NAME, 0, image(blob_jpeg([place]))) for place in places]
    assert len(set(ids)) == 50
    for unique_id, (column, row, class_id) in reversed(list(zip(ids, places))):
        (found,) = objects(api.GetResultWithUniqueId(NAME, unique_id, 3000))
        assert found["classVec"][0]["classId"] == class_id
        assert box(found) == pytest.approx([column * 16, row * 16, column * 16 + 16, row * 16 + 16], abs=0.5)


def test_results_without_ids_come_in_the_order_of_sending(api, blob_jpeg):
    for column in range(8):
        api.SendData(NAME, 0, image(blob_jpeg([(column, 0, 0)])))
    found = [objects(api.GetResult(NAME, 0))[0]["x0"] for _ in range(8)]
    assert found == pytest.approx([16 * column for column in range(8)], abs=0.5)


def test_no_detection_is_no_error_and_no_json(api, blob_jpeg):
    api.SendData(NAME, 0, image(blob_jpeg([])))
    result = api.GetResult(NAME, 0)
    assert result.errorCode == 0
    assert result.data == b' (Code = 0, Message = "Success") '


@pytest.mark.parametrize(("task", "count"), [("detect", 0), ("eval", 1)])
def test_thresholds_come_from_the_cfg_file(folder, blob_image, task, count):
    dim = blob_image([(2, 2, 0)])
    dim[dim == 255] = 184  # an objectness of about 0.2
    api = StreamManagerApi()
    api.InitManager()
    assert api.CreateMultipleStreamsFromFile(f"{task}.pipeline") == 0
    api.SendData(NAME, 0, image(cv2.imencode(".jpg", dim)[1].tobytes()))
    assert api.GetResult(NAME, 0).data.count(b'"className":"red"') == count
    api.DestroyAllStreams()


def test_bad_images_never_end_the_stream(api, blob_jpeg):
    good = blob_jpeg([(4, 4, 1)])
    bad = {
        b"": 2019,
        b"no image at all": 2019,
        good[: len(good) // 2]: 2006,
        good[:-2]: 2006,
        blob_jpeg([], width=16, height=64): 2020,
        blob_jpeg([], width=64, height=16): 2021,
    }
    for data, code in bad.items():
        first, second = (api.SendDataWithUniqueId(NAME, 0, image(entry)) for entry in (data, good))
        result = api.GetResultWithUniqueId(NAME, first, 3000)
        assert result.errorCode == code
        assert result.data.startswith(b"mxpi_imagedecoder0: ")
        assert api.LastError() == result.data.decode()
        assert len(objects(api.GetResultWithUniqueId(NAME, second, 3000))) == 1


def test_destroy_while_data_flows_ends_within_a_second(api, blob_jpeg):
    data = blob_jpeg([(1, 1, 1)], 1024, 1024, cell=128)
    codes, sent = [], []

    def feed():
        while True:
            unique_id = api.SendDataWithUniqueId(NAME, 0, image(data))
            if unique_id < 0:
                return
            sent.append(unique_id)

    def wait(unique_id):
        codes.append(api.GetResultWithUniqueId(NAME, unique_id, 10_000).errorCode)

    feeder = threading.Thread(target=feed)
    feeder.start()
    while len(sent) < 20:
        time.sleep(0.01)
    waiters = [threading.Thread(target=wait, args=(unique_id,)) for unique_id in sent[-5:]]
    for waiter in waiters:
        waiter.start()
    begin = time.monotonic()
    assert api.DestroyAllStreams() == 0
    assert time.monotonic() - begin < 1
    for thread in (feeder, *waiters):
        thread.join(1)
        assert not thread.is_alive()
    assert set(codes) <= {0, 6002}
    assert "no stream" in api.LastError() or "destroyed" in api.LastError()


def test_destroy_wakes_who_waits_for_a_result(api):
    codes = []
    waiter = threading.Thread(target=lambda: codes.append(api.GetResult(NAME, 0, 10_000).errorCode))
    waiter.start()
    time.sleep(0.05)
    api.DestroyAllStreams()
    waiter.join(1)
    assert codes == [6002]


def test_the_two_ways_do_not_mix(api, blob_jpeg):
    data = image(blob_jpeg([(1, 1, 1)]))
    assert api.SendData(NAME, 0, data) == 0
    assert api.SendDataWithUniqueId(NAME, 0, data) == -1
    assert "SendData and GetResult" in api.LastError()
    assert api.GetResultWithUniqueId(NAME, 0, 100).errorCode == 6008
    assert api.GetResult(NAME, 0).errorCode == 0


def test_timeouts(api):
    begin = time.monotonic()
    result = api.GetResult(NAME, 0, 50)
    assert result.errorCode == 6010
    assert b"within 50 ms" in result.data
    assert 0.04 < time.monotonic() - begin < 1


def test_a_late_result_is_dropped_and_an_unknown_id_said(api, blob_jpeg):
    unique_id = api.SendDataWithUniqueId(NAME, 0, image(blob_jpeg([], 2048, 2048)))
    assert api.GetResultWithUniqueId(NAME, unique_id, 0).errorCode == 6010
    assert api.GetResultWithUniqueId(NAME, unique_id, 100).errorCode == 1016
    assert api.GetResultWithUniqueId(NAME, 4711, 100).errorCode == 1016


def test_a_late_result_in_order_can_be_fetched_again(api, blob_jpeg):
    api.SendData(NAME, 0, image(blob_jpeg([], 2048, 2048)))
    api.SendData(NAME, 0, image(blob_jpeg([(1, 1, 1)])))
    assert api.GetResult(NAME, 0, 0).errorCode == 6010
    assert api.GetResult(NAME, 0).data.startswith(b" (Code = 0")
    assert len(objects(api.GetResult(NAME, 0))) == 1


def test_streams_and_plugins_that_are_not_there(api, blob_jpeg):
    data = image(blob_jpeg([]))
    assert api.SendData(b"detect", 0, data) == 6002
    assert api.LastError() == "there is no stream detect; there is detection"
    assert api.SendData(NAME, 1, data) == 6006
    assert api.SendData(NAME, b"appsrc1", data) == 6006
    assert api.GetResult(NAME, 1).errorCode == 6013
    assert api.GetResult(b"detect", 0).errorCode == 6002


def test_before_init_manager(folder, blob_jpeg):
    api = StreamManagerApi()
    assert api.CreateMultipleStreamsFromFile("detect.pipeline") == -1
    assert api.SendData(NAME, 0, image(b"")) == -1
    assert api.SendDataWithUniqueId(NAME, 0, image(b"")) == -1
    assert api.GetResult(NAME, 0).errorCode == -1
    assert api.DestroyAllStreams() == -1
    assert "InitManager" in api.LastError()


def test_creating_all_streams_or_none(api, folder):
    text = (folder / "detect.pipeline").read_text()
    assert api.CreateMultipleStreams(text) == 6001
    document = json.loads(text)
    broken = json.loads(text.replace("model.om", "none.om"))
    both = {"first": document["detection"], "second": broken["detection"]}
    threads = threading.active_count()
    assert api.CreateMultipleStreams(json.dumps(both)) == 1016
    assert threading.active_count() == threads
    assert "none.onnx" in api.LastError()
    assert api.StopStream("first") == 6002
    both["second"] = document["detection"]
    assert api.CreateMultipleStreams(json.dumps(both)) == 0


@pytest.mark.parametrize(
    ("old", "new", "code", "sentence"),
    [
        pytest.param('"detection"', "detection", 6005, "not JSON", id="no JSON"),
        pytest.param('"mxpi_tensorinfer"', '"mxpi_tensorinfr"', 6014, "mxpi_tensorinfer", id="misspelt factory"),
        pytest.param("resizeHeight", "resizeHight", 6015, "resizeHeight", id="misspelt property"),
        pytest.param('"next": "appsink0"', '"next": "appsink"', 6006, "appsink0", id="misspelt next"),
        pytest.param("model.om", "modell.om", 1016, "modell.onnx", id="no such model"),
        pytest.param("detect.cfg", "detct.cfg", 1016, "detct.cfg", id="no such config"),
        pytest.param(
            '"resizeHeight": "128"', '"resizeHeight": "96"', 1004, "128 x 96", id="another size than the model"
        ),
        pytest.param(
            '"dataSource": "mxpi_tensorinfer0"',
            '"dataSource": "mxpi_imageresize0"',
            6006,
            "does not hand on tensors",
            id="a source of something else",
        ),
    ],
)
def test_pipeline_mistakes(folder, old, new, code, sentence):
    text = (folder / "detect.pipeline").read_text()
    assert old in text
    (folder / "wrong.pipeline").write_text(text.replace(old, new))
    api = StreamManagerApi()
    api.InitManager()
    assert api.CreateMultipleStreamsFromFile("wrong.pipeline") == code
    assert api.LastError().startswith("wrong.pipeline: ")
    assert sentence in api.LastError()


def test_a_source_that_nobody_is_is_no_mistake(folder):
    # MxGstBase.cpp, CheckDataSource: names are looked up when data comes, none of them at the start
    text = (folder / "detect.pipeline").read_text()
    (folder / "other.pipeline").write_text(text.replace('"dataSource": "mxpi_tensorinfer0"', '"dataSource": "x"'))
    api = StreamManagerApi()
    api.InitManager()
    assert api.CreateMultipleStreamsFromFile("other.pipeline") == 0
    api.DestroyAllStreams()


def test_a_pipeline_file_that_is_not_there(folder):
    api = StreamManagerApi()
    api.InitManager()
    assert api.CreateMultipleStreamsFromFile("none.pipeline") == 1019
    assert "none.pipeline" in api.LastError()


def test_plugin_milliseconds(api, blob_jpeg):
    names = ["mxpi_imagedecoder0", "mxpi_imageresize0", "mxpi_tensorinfer0"]
    names += ["mxpi_objectpostprocessor0", "mxpi_dataserialize0"]
    assert api.PluginMilliseconds(NAME) == dict.fromkeys(names, 0.0)
    for _ in range(3):
        api.SendData(NAME, 0, image(blob_jpeg([(1, 1, 1)])))
        api.GetResult(NAME, 0)
    means = api.PluginMilliseconds("detection")
    assert list(means) == names
    assert all(0 < mean < 1000 for mean in means.values())
    api.ResetPluginMilliseconds(NAME)
    assert not any(api.PluginMilliseconds(NAME).values())
    assert api.PluginMilliseconds("nosuch") == {}


def test_relative_paths_are_read_when_the_stream_is_created(api, tmp_path, monkeypatch, blob_jpeg):
    monkeypatch.chdir(tmp_path)
    api.SendData(NAME, 0, image(blob_jpeg([(1, 1, 1)])))
    assert len(objects(api.GetResult(NAME, 0))) == 1


def test_string_vector():
    vector = StringVector()
    vector.push_back(b"a")
    assert (vector.size(), len(vector), vector[0]) == (1, 1, b"a")
