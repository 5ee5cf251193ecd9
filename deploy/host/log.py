"""The host engine's logger: what the SDK would write into its own log."""

import logging

log = logging.getLogger("deploy.host")
