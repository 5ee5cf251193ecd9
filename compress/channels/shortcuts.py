"""What can be done with channels that additions unite: treat them together, or leave them alone."""

SHORTCUTS = ("group", "keep")
