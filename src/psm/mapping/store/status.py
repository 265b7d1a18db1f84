"""Status of a cell in a store: one byte, which says whether it is embedded, or why not."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import UInt8

from psm.imagery import Reason

NOT_DONE, EMBEDDED, FIRST_REASON, NOT_COVERED = 0, 1, 2, 255
"""Codes; those of reasons for no imagery follow on each other, in their order."""

CODES = {reason: FIRST_REASON + code for code, reason in enumerate(Reason)}
PASSING = [code for reason, code in CODES.items() if reason.is_passing]
"""Codes of what may be there another time."""

LABELS = {
    NOT_DONE: "not done",
    EMBEDDED: "embedded",
    **{code: reason.value for reason, code in CODES.items()},
    NOT_COVERED: "not covered by what the model learnt",
}
"""What people are told."""


def counted(blocks: Iterable[UInt8[np.ndarray, " n"]]) -> dict[str, int]:
    """How many cells have each status, by its label; labels without cells are left out.

    Args:
        blocks: codes of all cells, some at a time.
    """
    total = np.zeros(256, np.int64)
    for status in blocks:
        total += np.bincount(status, minlength=len(total))
    return {label: int(total[code]) for code, label in LABELS.items() if total[code]}
