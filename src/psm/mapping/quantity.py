"""What the numbers of a map are: a probability, or something made of several."""

from __future__ import annotations

from dataclasses import dataclass

from psm.mapping.moment import Moment


@dataclass(frozen=True)
class Quantity:
    """The main variable of a map.

    Attributes:
        name: of the variable.
        long_name: in words.
        value_range: smallest and largest possible value.
    """

    name: str
    long_name: str
    value_range: tuple[float, float]

    @property
    def is_diverging(self) -> bool:
        """Whether zero lies between two opposites, as in a difference."""
        return self.value_range[0] < 0.0


PROBABILITY = Quantity("match_probability", "match probability", (0.0, 1.0))
DIFFERENCE = Quantity("difference", "difference of match probabilities", (-1.0, 1.0))
LOG_RATIO = Quantity(
    "log2_ratio", "log2 of the ratio of match probabilities", (-float("inf"), float("inf"))
)


def linear(low: float, high: float) -> Quantity:
    """What a weighted sum of probabilities is that can lie between ``low`` and ``high``."""
    if abs(high - 1.0) < 1e-9 and abs(low) < 1e-9:
        return PROBABILITY
    if abs(high - 1.0) < 1e-9 and abs(low + 1.0) < 1e-9:
        return DIFFERENCE
    return Quantity("weighted_sum", "weighted sum of match probabilities", (low, high))


@dataclass(frozen=True)
class Combination:
    """What several maps asked for together, in words."""

    label: str

    @property
    def tags(self) -> dict[str, str]:
        """For the metadata of files."""
        return {"query": self.label}


@dataclass(frozen=True, kw_only=True)
class Moments(Moment):
    """When several maps were: what they have in common, and all of it in words."""

    label: str

    def __str__(self) -> str:
        return self.label
