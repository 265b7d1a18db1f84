"""Calibration of each sound: is its probability true, on the land and in what archives record?

All sounds pooled can be right while each is wrong: common ones too low, rare ones too high. And
there are two truths. Of **the land**: how likely a listener hears the sound, evenly over cells and
times. Of **recordings**: how likely a recording made by one of the archives holds it, at the places
and times of the test recordings; archives listen for some sounds more than for others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from rich import box
from rich.table import Table

from psm.calibration import Calibration, curves_of
from psm.data.recording import AUDIO_SOURCES
from psm.earth.sampling import SHARES, hour_weight, source_biases
from psm.earth.soundscape import odds, probability
from psm.earth.worlds import OUR_EARTH, World
from psm.evaluation.reliability import Reliability, reliability
from psm.gaussian import csd
from psm.inference.batches import text_gaussians
from psm.inference.split import SplitFeatures, raw_locations
from psm.model import PSM

LAND, RECORDINGS = "the land as it is", "recordings of archives"
FIELDS = ("latlon", "month", "hour")


@dataclass(frozen=True)
class SoundCalibration:
    """Calibration of each sound against one truth.

    Attributes:
        sounds: names.
        curves: reliability of each.
        mean_drawn, mean_true: means of each over all cases.
        skill: share of the variance of all sounds together that is explained.
    """

    sounds: tuple[str, ...]
    curves: tuple[Reliability, ...]
    mean_drawn: tuple[float, ...]
    mean_true: tuple[float, ...]
    skill: float

    @property
    def median_ece(self) -> float:
        """Median over sounds of the expected calibration error."""
        return float(np.median([curve.ece for curve in self.curves]))

    @property
    def mean_error(self) -> float:
        """Mean over sounds of how far the mean drawn is from the true one."""
        return float(np.mean(np.abs(np.subtract(self.mean_drawn, self.mean_true))))

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        columns = zip(self.sounds, self.curves, self.mean_drawn, self.mean_true, strict=True)
        return {
            "skill": self.skill if np.isfinite(self.skill) else None,
            "ece_median": self.median_ece,
            "mean_error": self.mean_error,
            "sounds": {
                sound: {"ece": curve.ece, "mean_drawn": drawn, "mean_true": true}
                for sound, curve, drawn, true in columns
            },
        }


def sound_calibration(
    predicted: Float[np.ndarray, sounds * cases],
    truth: Float[np.ndarray, sounds * cases],
    sounds: Sequence[str],
) -> SoundCalibration:
    """Calibration of each sound, from arrays alone."""
    rows = range(len(sounds))
    return SoundCalibration(
        sounds=tuple(map(str, sounds)),
        curves=tuple(reliability(predicted[row], truth[row]) for row in rows),
        mean_drawn=tuple(float(np.mean(predicted[row])) for row in rows),
        mean_true=tuple(float(np.mean(truth[row])) for row in rows),
        skill=reliability(predicted, truth).skill,
    )


@torch.inference_mode()
def against_recordings(
    model: PSM,
    features: SplitFeatures,
    *,
    zoom: int,
    calibration: Calibration | None,
    world: World = OUR_EARTH,
) -> SoundCalibration | None:
    """Calibration of each sound where and when recordings were made.

    The truth is that of a recording of any archive, as likely as each is to record then, with what
    it listens for; recordings whose month or hour is not known are left out.

    Args:
        model: in evaluation mode.
        features: of a split of the simulated Earth.
        zoom: at which its places are seen.
        calibration: of the model; without it the match probability is as learnt.
        world: that the recordings are of.

    Returns:
        ``None`` where no recording tells its sounds, month and hour.
    """
    recordings = features.recordings
    kept = [
        row
        for row, one in enumerate(recordings)
        if one.sounds and one.month is not None and one.hour is not None
    ]
    if not kept:
        return None
    places = raw_locations(model, features, zoom, FIELDS).unit().rows(torch.tensor(kept))
    queries = text_gaussians(model, list(world.queries.values()))
    curves = curves_of(model, calibration, queries)
    distance = csd(places, type(queries)(queries.mean.cpu(), queries.log_var.cpu()))
    predicted = curves(distance.to(curves.offset.device)).cpu().numpy().T
    truth = recorded_probability(
        lat=np.array([recordings[row].lat for row in kept]),
        lon=np.array([recordings[row].lon for row in kept]),
        month=np.array([recordings[row].month for row in kept], float),
        hour=np.array([recordings[row].hour for row in kept], float),
        world=world,
    )
    return sound_calibration(predicted, truth.T, list(world.queries))


def recorded_probability(
    *,
    lat: Float[np.ndarray, " n"],
    lon: Float[np.ndarray, " n"],
    month: Float[np.ndarray, " n"],
    hour: Float[np.ndarray, " n"],
    world: World = OUR_EARTH,
) -> Float[np.ndarray, "n sounds"]:
    """How likely a recording made there and then by any of the archives holds each sound.

    Each archive is as likely as it records at that hour, and hears with its own bias.
    """
    here = odds(lat=lat, lon=lon, month=month, hour=hour, world=world)
    weight = np.stack([SHARES[source] * hour_weight(source, hour) for source in AUDIO_SOURCES], 1)
    weight /= weight.sum(1, keepdims=True)
    biased = np.stack([probability(here * bias) for bias in source_biases(world.sounds)], 1)
    return np.asarray(np.einsum("ns,nsk->nk", weight, biased))


def sounds_table(found: Mapping[tuple[str, str], SoundCalibration]) -> Table:
    """Summaries, by the truth and by what was judged."""
    table = Table(
        title="Probability of each sound", title_justify="left", box=box.SIMPLE_HEAD,
        header_style="bold", padding=0,
    )  # fmt: skip
    table.add_column("against", no_wrap=True)
    table.add_column("probability", no_wrap=True)
    for name in ("variance\nexplained", "median ECE\nof a sound", "its mean\noff by"):
        table.add_column(name, justify="right", no_wrap=True)
    for (truth, kind), one in found.items():
        figures = (f"{one.skill:.2f}", f"{one.median_ece:.4f}", f"{one.mean_error:.4f}")
        table.add_row(truth, kind, *figures)
    return table
