"""What MindX scripts import by this name."""

import sys

from deploy.host.proto import MxpiDataType_pb2

sys.modules[__name__] = MxpiDataType_pb2
