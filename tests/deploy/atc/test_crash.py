"""What build.sh says where a signal ended ATC, and where it did not."""

import signal

import pytest

from deploy.atc.crash import crash

BANNER = "ATC start working now, please wait for a moment.\n"
WRAPPED = BANNER + '/usr/bin/atc: line 22:   147 Segmentation fault      (core dumped) ${PKG_PATH}/bin/atc.bin "$@"\n'


@pytest.mark.parametrize(
    ("status", "output", "sentence"),
    [
        pytest.param(
            -signal.SIGSEGV,
            BANNER,
            "ATC crashed (signal 11, SIGSEGV) without a word. What to do: such a "
            "crash often comes from an operator that ATC reads wrongly; a NonMaxSuppression",
            id="by itself",
        ),
        pytest.param(139, WRAPPED, "ATC crashed (signal 11, SIGSEGV) without a word", id="inside its script"),
        pytest.param(
            1, WRAPPED, "ATC crashed (signal 11, SIGSEGV) without a word", id="a script that hides the status"
        ),
        pytest.param(
            137,
            BANNER,
            "ATC was killed (signal 9, SIGKILL) without a word. What to do: most often the machine is short of memory",
            id="killed",
        ),
        pytest.param(
            134,
            BANNER + "terminate called after throwing std::bad_alloc\n",
            "it said last: terminate called",
            id="with last words",
        ),
        pytest.param(-signal.SIGILL, BANNER, "built for another processor", id="another processor's program"),
        pytest.param(-signal.SIGTERM, BANNER, "ATC was terminated (signal 15)", id="ended from outside"),
        pytest.param(
            139,
            BANNER + "E10016: no such node.\n",
            "(signal 11, SIGSEGV) after E10016: no such node. What to do: a name in",
            id="after an error",
        ),
    ],
)
def test_a_signal(status: int, output: str, sentence: str) -> None:
    assert sentence in crash(status, output)


@pytest.mark.parametrize(
    ("status", "output"),
    [
        pytest.param(0, BANNER + "ATC run success", id="success"),
        pytest.param(1, BANNER + "E10016: no such node.", id="an error"),
        pytest.param(255, BANNER, id="a code above all signals"),
        pytest.param(0, WRAPPED, id="a word for a crash, but it ended well"),
    ],
)
def test_no_signal(status: int, output: str) -> None:
    assert crash(status, output) == ""
