"""The ports of each factory and the types of data that they take and give.

Source: DefineInputPorts and DefineOutputPorts of each plugin in Vision SDK's mxPlugins/src/module and those of
MxPluginBase, which hold where a plugin says nothing; GStreamer's pad templates for its own elements.
"""

from __future__ import annotations

from typing import NamedTuple

Types = tuple[str, ...]
ANY: Types = ("ANY",)
_YUV, _RGB, _JPEG = "image/yuv", "image/rgb", "image/jpeg"
_OBJECT, _CLASS, _TENSOR, _TEXTS = "metadata/object", "metadata/class", "metadata/tensor", "metadata/texts"
_OSD, _MASKS, _STITCH = "metadata/osd", "metadata/semanticseg", "metadata/stitch-info"


class Ports(NamedTuple):
    """`inputs` and `outputs` have the types of each static port; all of these have to be linked.

    Further ports are made as links ask for them where `more_inputs` or `more_outputs` says of what types.
    """

    inputs: tuple[Types, ...] = (ANY,)
    outputs: tuple[Types, ...] = (ANY,)
    more_inputs: Types = ()
    more_outputs: Types = ()

    def input(self, port: int) -> Types:
        """The types that an input port takes; empty where there is no such port."""
        return self.inputs[port] if port < len(self.inputs) else self.more_inputs

    def output(self, port: int) -> Types:
        """The types that an output port gives; empty where there is no such port."""
        return self.outputs[port] if port < len(self.outputs) else self.more_outputs


def fit(given: Types, taken: Types) -> bool:
    """Whether two linked ports have a type in common, as GStreamer's caps must."""
    return given == ANY or taken == ANY or bool(set(given) & set(taken))


_SOURCE, _SINK = Ports(inputs=()), Ports(outputs=())


def _post(result: str) -> Ports:
    return Ports(((_TENSOR,),), ((result,),))


PORTS: dict[str, Ports] = {
    "appsrc": _SOURCE,
    "filesrc": _SOURCE,
    "mxpi_rtspsrc": _SOURCE,
    "appsink": _SINK,
    "fakesink": _SINK,
    "filesink": _SINK,
    "tee": Ports(outputs=(), more_outputs=ANY),
    "mxpi_imagedecoder": Ports(((_JPEG,),), ((_YUV, _OBJECT, _RGB),)),
    "mxpi_imageresize": Ports(((_YUV, _OBJECT, _RGB),), ((_YUV, _RGB),)),
    "mxpi_imagecrop": Ports(((_OBJECT, _RGB),), ((_YUV, _RGB),), more_inputs=(_YUV, _RGB)),
    "mxpi_opencvcentercrop": Ports(((_OBJECT, _RGB, _YUV),), ((_YUV, _RGB),)),
    "mxpi_warpperspective": Ports(((_OBJECT, _TEXTS),), more_inputs=(_YUV, _RGB)),
    "mxpi_rotation": Ports(((_RGB,),), ((_RGB,),), more_inputs=(_CLASS,)),
    "mxpi_facealignment": Ports((ANY, ANY)),
    "mxpi_tensorinfer": Ports(((_YUV, _TENSOR),), ((_TENSOR,),), more_inputs=ANY),
    "mxpi_modelinfer": Ports(
        ((_YUV,),), ((_OBJECT, _CLASS, "metadata/attribute", "metadata/feature-vector", _TENSOR),)
    ),
    "mxpi_objectpostprocessor": _post(_OBJECT),
    "mxpi_classpostprocessor": _post(_CLASS),
    "mxpi_semanticsegpostprocessor": _post(_MASKS),
    "mxpi_textgenerationpostprocessor": _post(_TEXTS),
    "mxpi_textobjectpostprocessor": _post(_TEXTS),
    "mxpi_keypointpostprocessor": _post("metadata/keypoint"),
    "mxpi_dataserialize": Ports(outputs=(("result/json-result",),)),
    "mxpi_distributor": Ports(outputs=(), more_outputs=ANY),
    "mxpi_parallel2serial": Ports(inputs=(), more_inputs=ANY),
    "mxpi_synchronize": Ports(inputs=(), more_inputs=ANY),
    "mxpi_datatransfer": Ports(((_YUV, _TENSOR, _RGB),), ((_YUV, _TENSOR, _RGB),)),
    "mxpi_roigenerator": Ports(((_YUV,),), ((_OBJECT,),), more_outputs=("metadata/object/roi-info",)),
    "mxpi_nmsoverlapedroiV2": Ports(((_OBJECT,), (_OBJECT,)), ((_OBJECT,),)),
    "mxpi_semanticsegstitcher": Ports(((_MASKS,), (_OBJECT,), ("metadata/object/roi-info",)), ((_MASKS,),)),
    "mxpi_videodecoder": Ports((("video/x-h264",),), ((_YUV,),)),
    "mxpi_motsimplesortV2": Ports(more_inputs=ANY),
    "mxpi_qualitydetection": Ports(((_YUV, _OBJECT),)),
    "mxpi_object2osdinstances": Ports(((_OBJECT,),), ((_OSD,),)),
    "mxpi_opencvosd": Ports(((_YUV,), (_OSD,)), ((_YUV,),)),
    "mxpi_class2osdinstances": Ports(((_CLASS,),), ((_OSD,),), more_inputs=(_YUV,)),
    "mxpi_osdinstancemerger": Ports(inputs=(), outputs=((_OSD,),), more_inputs=ANY),
    "mxpi_channelimagesstitcher": Ports((), ((_YUV,),), more_inputs=(_YUV,), more_outputs=(_STITCH,)),
    "mxpi_channelosdcoordsconverter": Ports(((_STITCH,),), ((_OSD,),), more_inputs=(_OSD,)),
}
"""Factories that are not here have one static port in and one out, for anything."""
