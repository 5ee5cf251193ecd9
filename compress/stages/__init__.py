"""The stages of the compressor: functions that take typed settings and return a result, for verbs and notebooks alike.

A stage prints nothing and knows no command line. Its module imports nothing heavy: torch alone costs seconds, so the
functions import what they need themselves.
"""
