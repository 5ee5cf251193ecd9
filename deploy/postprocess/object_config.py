"""What the SDK's post-processors of detectors all read from their config. Source: MxBase ObjectPostProcessBase."""

from __future__ import annotations

from deploy.postprocess.key_values import KeyValues
from deploy.sdk_codes import INVALID_PARAM, NO_EXIST, OK, SdkFault


def class_count(values: KeyValues) -> int:
    """CLASS_NUM. Raises SdkFault 1016 where it is missing, 1004 where it is no number."""
    code, count = values.uint32("CLASS_NUM", 0, 0, 1000)
    if code != OK:
        found = "is missing" if code == NO_EXIST else f"is {values.texts['CLASS_NUM']!r}, not a number"
        raise SdkFault(code, f"{values.name}: CLASS_NUM {found}; it is the number of classes, 0 to 1000")
    return count


def class_thresholds(values: KeyValues, class_num: int) -> tuple[float, ...]:
    """One threshold a class: SEPARATE_SCORE_THRESH, else SCORE_THRESH (0) for all. Raises SdkFault 1004."""
    _, score = values.number("SCORE_THRESH", 0.0, 0.0, 1.0)
    return separate_scores(values, class_num) or (score,) * class_num


def separate_scores(values: KeyValues, class_num: int) -> tuple[float, ...]:
    """SEPARATE_SCORE_THRESH, one threshold a class; empty where it is not set.

    Raises SdkFault 1004 for another count.
    """
    if values.string("SEPARATE_SCORE_THRESH")[0] != OK:
        return ()
    _, separate = values.numbers("SEPARATE_SCORE_THRESH")
    if len(separate) != class_num or not class_num:
        raise SdkFault(
            INVALID_PARAM,
            f"{values.name}: SEPARATE_SCORE_THRESH has {len(separate)} numbers for CLASS_NUM={class_num} classes"
            f"{cut_hint(values, 'SEPARATE_SCORE_THRESH')}",
        )
    return tuple(separate)


def cut_hint(values: KeyValues, key: str) -> str:
    """Why a list came out short, where it is the classic mistake."""
    return " (the SDK cuts a list at its first blank)" if " " in values.texts.get(key, "") else ""
