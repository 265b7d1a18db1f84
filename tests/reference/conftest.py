"""Every reference test says how far it is from the recording; the summary prints the worst."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

Close = Callable[..., None]


@pytest.fixture
def close(record_property: Callable[[str, object], None]) -> Close:
    """``close(ours, recorded, within)``: assert it, and note the largest difference."""

    def check(ours: Tensor | np.ndarray, recorded: Tensor | np.ndarray, within: float) -> None:
        pair = [torch.as_tensor(np.asarray(x)).double() for x in (ours, recorded)]
        worst = (pair[0] - pair[1]).abs().max().item()
        record_property("deviation", (worst, within))
        assert worst <= within

    return check
