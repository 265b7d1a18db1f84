"""Map truth: maps compared with what the simulated Earth knows of where and when sounds are heard.

For every sound, the map of its canonical text query at several months and hours is compared, cell
by cell, with the true probability of hearing it. Arrays are ``(sounds, months, hours, cells)``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor

from psm.calibration import Calibration, curves_of
from psm.data.context import Context
from psm.earth.sounds import Sound
from psm.earth.soundscape import true_probability
from psm.earth.worlds import OUR_EARTH, World
from psm.evaluation.agreement import (
    SignScore,
    auc,
    day_night_sign,
    peak_error,
    pearson,
    spearman,
    summer_winter_sign,
)
from psm.evaluation.mapreport import GroupScore, MapReport, SoundScore, median
from psm.evaluation.reliability import RiskCoverage, mean_curve, reliability, risk_coverage
from psm.evaluation.soundcalibration import sound_calibration
from psm.gaussian import csd, csd_variance, moments
from psm.inference import batches as inference
from psm.model import PSM
from psm.progress import track

MONTHS = (1, 4, 7, 10)
HOURS = (0.0, 6.0, 12.0, 18.0)
LIKELY = 0.1
"""A sound is likely where at least every tenth recording holds it."""

HELD_OUT, OTHERS = "held out of the captions", "the others"
"""Names of the groups where sounds are reported apart."""

Maps = Float[np.ndarray, "sounds months hours n"]


def evaluate_maps(
    model: PSM,
    features: Float[Tensor, "n dim"],
    *,
    lat: Float[np.ndarray, " n"],
    lon: Float[np.ndarray, " n"],
    months: Sequence[int] = MONTHS,
    hours: Sequence[float] = HOURS,
    queries: Mapping[Sound, str] | None = None,
    name: str | None = None,
    calibration: Calibration | None = None,
    apart: Collection[str] = (),
    world: World = OUR_EARTH,
) -> MapReport:
    """Map every sound at ``months`` x ``hours`` (local) and compare the maps with the truth.

    Args:
        model: draws the maps; the audio and caption source stay unknown, as in mapping.
        features: ``(n, dim)`` image features of the cells, before fusion.
        lat, lon: of the cells, degrees.
        months: 1..12; evenly spaced for seasonal peaks.
        hours: local mean solar time; evenly spaced for diurnal peaks.
        queries: text of each sound; those of the world by default.
        name: the model's name in the report.
        calibration: judged beside the match probability as learnt.
        apart: sounds that are also reported as a group, beside the others: those that no training
            caption named, say.
        world: whose truth it is.

    Returns:
        The report; its ``calibrated`` is that of the calibrated maps, where there are any.

    Raises:
        CheckpointMismatch: the calibration is of other weights.
    """
    queries = world.queries if queries is None else queries
    predicted = predict_maps(
        model,
        features,
        lat=lat,
        lon=lon,
        months=months,
        hours=hours,
        texts=list(queries.values()),
        calibrations=[None, calibration] if calibration else [None],
    )
    truth = true_maps(
        lat=lat, lon=lon, months=months, hours=hours, sounds=list(queries), world=world
    )
    raw, *calibrated = (
        compare_maps(
            probability,
            truth,
            uncertainty if model.knows_uncertainty else None,
            sounds=list(queries),
            lat=lat,
            months=months,
            hours=hours,
            name=name or model.config.name,
            apart=apart,
        )
        for probability, uncertainty in predicted
    )
    return replace(raw, calibrated=calibrated[0]) if calibrated else raw


@torch.inference_mode()
def predict_maps(
    model: PSM,
    features: Float[Tensor, "n dim"],
    *,
    lat: Float[np.ndarray, " n"],
    lon: Float[np.ndarray, " n"],
    months: Sequence[int],
    hours: Sequence[float],
    texts: Sequence[str],
    calibrations: Sequence[Calibration | None],
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Match probability and uncertainty by each calibration, both ``(texts, months, hours, n)``."""
    query = inference.text_gaussians(model, texts)
    opinions = None if model.uncertainty is None else model.uncertainty.opinions(query)
    shape = (len(texts), len(months), len(hours), len(lat))
    curves = [curves_of(model, calibration, query) for calibration in calibrations]
    predicted = [(np.empty(shape, np.float32), np.empty(shape, np.float32)) for _ in curves]
    times = [(m, h) for m in range(len(months)) for h in range(len(hours))]
    for m, h in track(times, "mapping every sound"):
        context = Context.of(lat=lat, lon=lon, month=months[m], hour=hours[h])
        location = inference.location_gaussians(model, features, context)
        distance = csd(location, query)
        for own, (probability, uncertainty) in zip(curves, predicted, strict=True):
            found = own(distance)
            probability[:, m, h] = found.T.cpu().numpy()
            if opinions is None:
                unsure = csd_variance(location, query) + own.variance
                error = moments(own.curve, distance + own.offset, unsure)[1]
            else:
                error = opinions.squared_error(found, csd(location, opinions.gaussians))
                error = error + own.share_error(distance)
            uncertainty[:, m, h] = error.sqrt().T.cpu().numpy()
    return predicted


def true_maps(
    *,
    lat: Float[np.ndarray, " n"],
    lon: Float[np.ndarray, " n"],
    months: Sequence[int],
    hours: Sequence[float],
    sounds: Sequence[str],
    world: World = OUR_EARTH,
) -> NDArray[np.float32]:
    """The true probability of each sound, ``(sounds, months, hours, n)``."""
    truth = np.empty((len(sounds), len(months), len(hours), len(lat)), np.float32)
    for m, month in enumerate(months):
        for h, hour in enumerate(hours):
            truth[:, m, h] = true_probability(
                lat=lat, lon=lon, month=month, hour=hour, sounds=sounds, world=world
            ).T
    return truth


def compare_maps(
    predicted: Maps,
    truth: Maps,
    uncertainty: Maps | None = None,
    *,
    sounds: Sequence[str],
    lat: Float[np.ndarray, " n"],
    months: Sequence[int] = MONTHS,
    hours: Sequence[float] = HOURS,
    likely: float = LIKELY,
    name: str = "model",
    apart: Collection[str] = (),
) -> MapReport:
    """Every measure of map truth, from arrays alone.

    Args:
        predicted: match probability.
        truth: true probability.
        uncertainty: of the match probability; without it there is no risk-coverage curve.
        sounds: names, one a map.
        lat: of the cells; its sign is the hemisphere.
        months, hours: of the maps.
        likely: the true probability from which a cell counts as positive in the AUC.
        name: the model's name.
        apart: sounds that are also reported as a group, beside the others.
    """
    # Over all months and hours of a sound together, and map by map.
    pooled_p, pooled_t = (x.reshape(len(sounds), -1) for x in (predicted, truth))
    ranks_p, ranks_t = rankdata(pooled_p, axis=-1), rankdata(pooled_t, axis=-1)
    positive = pooled_t >= likely
    correlation = pearson(ranks_p, ranks_t)
    single = spearman(predicted, truth).reshape(len(sounds), -1)
    separation = auc(ranks_p, positive)
    # How the maps move with the hour and the month.
    diurnal = peak_error(predicted, truth, hours, 24.0, axis=2)
    seasonal = peak_error(predicted, truth, months, 12.0, axis=1)
    day_night = day_night_sign(predicted, truth, hours)
    seasons = summer_winter_sign(predicted, truth, months, lat) or {}
    # Whether the uncertainty finds the errors: of the probability, and of the rank alone.
    risk = _risk(pooled_p, np.abs(pooled_p - pooled_t), uncertainty)
    rank_error = np.abs(ranks_p - ranks_t) / pooled_p.shape[-1]
    calibration = [reliability(p, t) for p, t in zip(pooled_p, pooled_t, strict=True)]
    scores = tuple(
        SoundScore(
            sound=str(sound),
            spearman=float(correlation[s]),
            spearman_single_time=_mean(single[s]),
            auc=float(separation[s]),
            likely_share=float(positive[s].mean()),
            ece=calibration[s].ece,
            skill=calibration[s].skill,
            diurnal_peak_error_h=float(diurnal[s]),
            seasonal_peak_error_months=float(seasonal[s]),
            day_night_sign=_share(day_night, s),
            season_sign_north=_share(seasons.get("north"), s),
            season_sign_south=_share(seasons.get("south"), s),
        )
        for s, sound in enumerate(sounds)
    )
    contrasts = {"day_night": day_night, **seasons}
    return MapReport(
        model=name,
        sounds=scores,
        signs={name: score for name, score in contrasts.items() if score is not None},
        reliability=reliability(predicted, truth),
        risk=risk,
        rank_risk=_risk(pooled_p, rank_error, uncertainty),
        likely=likely,
        cells=len(lat),
        months=tuple(months),
        hours=tuple(hours),
        groups=_groups(scores, pooled_p, pooled_t, apart) if apart else {},
        by_sound=sound_calibration(pooled_p, pooled_t, sounds),
    )


def _groups(
    scores: Sequence[SoundScore],
    predicted: NDArray[np.floating],
    truth: NDArray[np.floating],
    apart: Collection[str],
) -> dict[str, GroupScore]:
    """The sounds that are reported apart, and the others."""
    inside = np.array([score.sound in apart for score in scores])
    found = {}
    for name, rows in ((HELD_OUT, np.flatnonzero(inside)), (OTHERS, np.flatnonzero(~inside))):
        members = [scores[row] for row in rows.tolist()]
        medians = {
            f"{measure}_median": median([getattr(score, measure) for score in members])
            for measure in ("skill", "spearman", "auc", "ece")
        }
        found[name] = GroupScore(
            sounds=tuple(score.sound for score in members),
            skill=reliability(predicted[rows], truth[rows]).skill,
            **medians,
        )
    return found


def _risk(
    probability: NDArray[np.floating], error: NDArray[np.floating], uncertainty: Maps | None
) -> dict[str, RiskCoverage]:
    """Curves averaged over sounds, by uncertainty and, which costs nothing, by p (1 - p)."""
    orders = {"p(1-p)": probability * (1.0 - probability)}
    if uncertainty is not None:
        orders = {"uncertainty": uncertainty.reshape(len(probability), -1), **orders}
    return {
        name: mean_curve([risk_coverage(e, u) for e, u in zip(error, order, strict=True)])
        for name, order in orders.items()
    }


def _mean(values: NDArray[np.float64]) -> float:
    kept = values[np.isfinite(values)]
    return float(kept.mean()) if len(kept) else float("nan")


def _share(score: SignScore | None, sound: int) -> float:
    return float(score.correct[sound]) if score is not None else float("nan")
