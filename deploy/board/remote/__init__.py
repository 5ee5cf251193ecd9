"""The program that push sends to the board and that runs there, from Python 3.6 on, with the standard library alone.

Its modules travel as text over ssh's standard input; nothing of it is installed. A board's own Python may be older than
the 3.9 that `deploy` needs, and that is what the program must be able to say; so no newer syntax is used here, and
annotations are left to what 3.6 evaluates.
"""
