"""A pytest plugin for a fresh clone: of two processes each compiles half of the tests' modules.

pytest compiles them anew, for better messages of assertions, and each process all of them in the same order. The second
one imports them from their end here, so that they meet in the middle.
"""

import importlib
import os
from pathlib import Path

import pytest

_TESTS = Path(__file__).resolve().parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    if os.environ.get("PYTEST_XDIST_WORKER") != "gw1" or session.config.args != [_TESTS.name]:
        return
    for file in sorted(_TESTS.rglob("test_*.py"), reverse=True):
        name = ".".join(file.relative_to(_TESTS.parent).with_suffix("").parts)
        try:
            importlib.import_module(name)
        except (Exception, pytest.skip.Exception):
            continue  # pytest will say so
