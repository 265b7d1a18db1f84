"""The times that an expansion knows, and how any other time follows from them."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from psm.mapping.moment import Moment

HOURS = 24
MONTH_STATES, HOUR_STATES = 13, HOURS + 1
"""Every month and hour, and last the unknown one."""

STATES = tuple(
    Moment(month=month, hour=hour)
    for month in (*range(1, 13), None)
    for hour in (*map(float, range(HOURS)), None)
)
"""By month, then hour: state ``month_state * HOUR_STATES + hour_state``."""


def month_state(month: int | None) -> int:
    """Row of a month."""
    return MONTH_STATES - 1 if month is None else month - 1


def hour_weights(hours: Float[Tensor, " n"]) -> Float[Tensor, "n hours"]:
    """Weights of the 24 whole hours at any hour, ``(n, 24)``: trigonometric interpolation.

    Exact for what holds no more than 11 waves a day; at a whole hour it is that hour itself.
    """
    turns = (hours[:, None] - torch.arange(HOURS)) * (2.0 * math.pi / HOURS)
    waves = torch.arange(1, HOURS // 2)
    inner = (turns[..., None] * waves).cos().sum(-1)
    return (1.0 + 2.0 * inner + (turns * (HOURS // 2)).cos()) / HOURS
