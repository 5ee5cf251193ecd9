"""The verbs of `python -m compress`, one file each: their options, what runs them, and what they print.

The work itself is in compress/stages and the rooms behind it. Nothing here imports anything heavy at the top.
"""
