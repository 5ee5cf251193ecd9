"""What MindX scripts import as mindx.sdk.MxpiOSDType_pb2."""

import sys

from deploy.host.proto import MxpiOSDType_pb2

sys.modules[__name__] = MxpiOSDType_pb2
