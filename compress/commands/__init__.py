"""The verbs of `python -m compress`, one file each.

A file has `add(verbs)`, which declares the verb and its options and imports nothing heavy, and functions that run it,
which import their stage themselves: torch alone costs seconds.
"""
