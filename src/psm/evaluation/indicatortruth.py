"""Indicators held against their true values on a simulated Earth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from rich.table import Table
from torch import Tensor

from psm.calibration import Calibration
from psm.data.context import Context
from psm.earth.worlds import OUR_EARTH, World
from psm.evaluation.agreement import spearman
from psm.evaluation.maptruth import HOURS, MONTHS
from psm.evaluation.reliability import reliability
from psm.indicators import INDICATORS, ExpectedSounds, Indicator, Vocabulary, true_values
from psm.indicators.vocabulary import vocabulary_of
from psm.inference.batches import location_gaussians
from psm.mapping.distances import Distances
from psm.model import PSM
from psm.progress import track

_MOST_SOUNDS = 3.0  # that a recording of the simulated Earth holds: the end of a number's bins


@dataclass(frozen=True)
class IndicatorScore:
    """How an indicator meets its truth, over all cells and times.

    Attributes:
        name: of the indicator.
        spearman: rank correlation of all cells and times together.
        bias: mean of what is drawn less what is true, in its unit.
        error: mean absolute difference.
        ece: expected calibration error over 20 bins of its range, in its unit.
        explained: share of the variance of the truth; below 0 a constant would be better.
        held: share of true values within intervals of 90 %.
        mean, true_mean: of both.
    """

    name: str
    spearman: float
    bias: float
    error: float
    ece: float
    explained: float
    held: float
    mean: float
    true_mean: float

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)


@torch.inference_mode()
def evaluate_indicators(
    model: PSM,
    features: Float[Tensor, "n dim"],
    *,
    lat: Float[np.ndarray, " n"],
    lon: Float[np.ndarray, " n"],
    calibration: Calibration | None,
    months: Sequence[int] = MONTHS,
    hours: Sequence[float] = HOURS,
    world: World = OUR_EARTH,
) -> list[IndicatorScore]:
    """Hold the indicators of a model against what is true in every cell, at every month and hour.

    Args:
        model: in evaluation mode.
        features: of the images of the cells.
        lat, lon: of the cells, degrees.
        calibration: of the model.
        months, hours: of the maps.
        world: whose truth it is; its sounds are the vocabulary.

    Returns:
        A score for each indicator.

    Raises:
        CheckpointMismatch: the calibration is of other weights.
    """
    vocabulary = vocabulary_of(world.queries.items())
    expected = ExpectedSounds.of(model, vocabulary, calibration)
    found = []
    for month, hour in track(list(product(months, hours)), "mapping indicators"):
        context = Context.of(lat=lat, lon=lon, month=month, hour=hour)
        places = location_gaussians(model, features, context)
        found.append(expected.at(Distances.between(places, expected.asked)))
    probability, uncertainty = (np.stack(part) for part in zip(*found, strict=True))
    return score_indicators(
        probability, uncertainty, vocabulary,
        lat=lat, lon=lon, months=months, hours=hours, world=world,
    )  # fmt: skip


def score_indicators(
    probability: Float[np.ndarray, "times n sounds"],
    uncertainty: Float[np.ndarray, "times n sounds"],
    vocabulary: Vocabulary,
    *,
    lat: Float[np.ndarray, " n"],
    lon: Float[np.ndarray, " n"],
    months: Sequence[int],
    hours: Sequence[float],
    world: World = OUR_EARTH,
) -> list[IndicatorScore]:
    """Hold indicators of given probabilities against what is true.

    Args:
        probability: of the sounds of the vocabulary; times are all hours of the first month, then
            of the next.
        uncertainty: its standard deviation.
        vocabulary: the sounds.
        lat, lon: of the cells, degrees.
        months, hours: of the maps.
        world: whose truth it is.

    Returns:
        A score for each indicator.
    """
    scores = []
    for indicator in INDICATORS.values():
        value, low, high, _ = indicator.interval(vocabulary, probability, uncertainty)
        truth = np.stack(
            [
                true_values(indicator, lat=lat, lon=lon, month=month, hour=hour, world=world)
                for month, hour in product(months, hours)
            ]
        )
        scores.append(_score(indicator, value, truth, (low, high)))
    return scores


def _score(
    indicator: Indicator,
    value: Float[np.ndarray, "times n"],
    truth: Float[np.ndarray, "times n"],
    ends: tuple[Float[np.ndarray, "times n"], Float[np.ndarray, "times n"]],
) -> IndicatorScore:
    least, most = indicator.value_range
    width = (most if np.isfinite(most) else _MOST_SOUNDS) - least
    scaled_value, scaled_truth = (
        np.clip((part - least) / width, 0.0, 1.0) for part in (value, truth)
    )
    curve = reliability(scaled_value, scaled_truth)
    held = (truth >= ends[0]) & (truth <= ends[1])
    return IndicatorScore(
        name=indicator.name,
        spearman=float(spearman(value.ravel(), truth.ravel())),
        bias=float(np.mean(value - truth)),
        error=float(np.mean(np.abs(value - truth))),
        ece=width * curve.ece,
        explained=curve.skill,
        held=float(held.mean()),
        mean=float(value.mean()),
        true_mean=float(truth.mean()),
    )


def indicator_table(scores: Iterable[IndicatorScore]) -> Table:
    """A row for each indicator.

    Args:
        scores: of :func:`score_indicators`.

    Returns:
        For the console.
    """
    table = Table(title="Indicators against their truth, all cells and times")
    heads = ("Spearman", "bias", "error", "ECE", "explained", "within 90 %", "mean", "true mean")
    for head in ("indicator", *heads):
        table.add_column(head, justify="left" if head == "indicator" else "right")
    for s in scores:
        numbers = (s.spearman, s.bias, s.error, s.ece, s.explained, s.held, s.mean, s.true_mean)
        table.add_row(s.name, *(f"{number:.3f}" for number in numbers))
    return table
