"""What MindX scripts import by this name."""

import sys

from deploy.host.proto import MxpiOSDType_pb2

sys.modules[__name__] = MxpiOSDType_pb2
