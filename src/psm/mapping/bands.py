"""The bands of a map: name, unit, range and colours of each number that a cell can hold.

Everything that writes, serves or draws maps goes by this table. A band more is an entry of
:data:`BANDS` and its values in :func:`psm.mapping.matching.answer`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Band:
    """One number of each cell: what it is, how it is written, and how it is drawn.

    Attributes:
        name: of the variable in files.
        short_name: of the layer in the HTTP API and on the page.
        long_name: in words, as CF conventions mean it.
        description: a sentence for somebody who meets it for the first time.
        value_range: smallest and largest possible value.
        colours: name of one of :data:`psm.cartography.style.COLOURS`.
        unit: ``1`` for a pure number.
        is_standard: whether a file holds it unasked; if not, GeoTIFFs and statistics of areas leave
            it out.
        diverges: whether a negative number is the opposite of a positive one, as in a difference;
            not so of decibels.
    """

    name: str
    short_name: str
    long_name: str
    description: str
    value_range: tuple[float, float]
    colours: str
    unit: str = "1"
    is_standard: bool = True
    diverges: bool = True

    @property
    def is_diverging(self) -> bool:
        """Whether zero lies between two opposites, as in a difference."""
        return self.diverges and self.value_range[0] < 0.0

    @property
    def label(self) -> str:
        """In words, with the unit where there is one: for legends."""
        return self.long_name if self.unit == "1" else f"{self.long_name} ({self.unit})"

    @property
    def attributes(self) -> dict[str, str]:
        """Of the variable in files."""
        return {"long_name": self.long_name, "units": self.unit}


INFINITY = float("inf")

PROBABILITY = Band(
    name="match_probability",
    short_name="probability",
    long_name="match probability",
    description="The probability that a recording made here matches the query.",
    value_range=(0.0, 1.0),
    colours="ember",
)
UNCERTAINTY = Band(
    name="uncertainty",
    short_name="uncertainty",
    long_name="standard deviation of the match probability",
    description="How far the model takes its match probability to be off, one standard deviation.",
    value_range=(0.0, INFINITY),
    colours="slate",
)
CSD = Band(
    name="csd",
    short_name="csd",
    long_name="closed-form sampled distance",
    description="The expected squared distance of place and query in the space of the model.",
    value_range=(0.0, INFINITY),
    colours="slate",
    is_standard=False,
)

UNCERTAINTY_UNKNOWN = "not known: the model gives points, and has no second opinions"
"""What is said instead of an uncertainty of zero."""

BANDS = (PROBABILITY, UNCERTAINTY, CSD)
"""What a map of one query holds; the first is what the map is of."""

MEASURED = "value"
"""Name of the quantity of a map of something that was measured, whose unit is its own."""

DIFFERENCE = Band(
    name="difference",
    short_name="difference",
    long_name="difference of match probabilities",
    description="The match probability of one map less that of another.",
    value_range=(-1.0, 1.0),
    colours="purple-orange",
)
LOG_RATIO = Band(
    name="log2_ratio",
    short_name="log2_ratio",
    long_name="log2 of the ratio of match probabilities",
    description="1 where one map's match probability is twice that of another, -1 where half.",
    value_range=(-INFINITY, INFINITY),
    colours="purple-orange",
)


def weighted(low: float, high: float) -> Band:
    """What a weighted sum of probabilities is that can lie between ``low`` and ``high``."""
    if abs(high - 1.0) < 1e-9 and abs(low) < 1e-9:
        return PROBABILITY
    if abs(high - 1.0) < 1e-9 and abs(low + 1.0) < 1e-9:
        return DIFFERENCE
    return Band(
        name="weighted_sum",
        short_name="weighted_sum",
        long_name="weighted sum of match probabilities",
        description="The sum of the match probabilities of several maps, each times its weight.",
        value_range=(low, high),
        colours="purple-orange" if low < 0.0 else "ember",
    )


def uncertainty_of(band: Band) -> Band:
    """The standard deviation of a band, as a band."""
    return replace(UNCERTAINTY, long_name=f"standard deviation of the {band.long_name}")
