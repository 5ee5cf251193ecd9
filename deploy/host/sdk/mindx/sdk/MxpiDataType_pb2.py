"""What MindX scripts import as mindx.sdk.MxpiDataType_pb2."""

import sys

from deploy.host.proto import MxpiDataType_pb2

sys.modules[__name__] = MxpiDataType_pb2
