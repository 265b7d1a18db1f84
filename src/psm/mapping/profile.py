"""Profile of a place: match probability of many sounds at every month and hour."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

import psm
from psm.calibration import UNCALIBRATED, Calibration, curves_of
from psm.curves import QueryCurves
from psm.data.context import Context
from psm.errors import ConfigError, MissingData, UnfamiliarQuery
from psm.familiarity import TAG as FAMILIARITY_TAG
from psm.familiarity import QueryFamiliarity, TermFamiliarity
from psm.files import atomic_path
from psm.gaussian import Gaussian, concatenate, csd
from psm.imagery import NoImagery, Picture, Provider, View
from psm.inference.batches import location_gaussians, look_at, picture_px
from psm.inference.queries import text_terms
from psm.mapping.bands import BANDS, PROBABILITY, UNCERTAINTY
from psm.mapping.distances import Distances
from psm.mapping.matching import EncodedQuery, answer
from psm.mapping.moment import Moment
from psm.model import PSM
from psm.provenance import TAG as PROVENANCE_TAG
from psm.provenance import UNRECORDED, Provenance

MONTHS, HOURS = 12, 24


@dataclass(frozen=True, eq=False)
class Profile:
    """Match probabilities of a vocabulary of sounds at one place.

    Attributes:
        lat, lon: the place, degrees.
        texts: the sounds.
        probability: ``(sounds, 12, 24)`` by month and local hour.
        uncertainty: its standard deviation; NaN where it is not known.
        model: name of the model.
        zoom: of the view.
        attribution, licence: of the imagery.
        provenance: what the model learnt from.
        calibration: how distances became probabilities.
        familiarity: of the sounds, where the model says.
    """

    lat: float
    lon: float
    texts: tuple[str, ...]
    probability: Float[np.ndarray, "sounds 12 24"]
    uncertainty: Float[np.ndarray, "sounds 12 24"]
    model: str
    zoom: int
    attribution: str
    licence: str
    provenance: Provenance = UNRECORDED
    calibration: str = UNCALIBRATED
    familiarity: QueryFamiliarity | None = None

    def loudest(self, count: int | None = None) -> list[int]:
        """The sounds that are likeliest at their best time, likeliest first."""
        peak = self.probability.max((1, 2))
        return [int(sound) for sound in np.argsort(-peak, kind="stable")[:count]]

    def is_familiar(self, sound: int) -> bool:
        """Whether a sound is not known to be unlike what the model learnt."""
        return self.familiarity is None or self.familiarity.terms[sound].is_familiar

    def peak(self, sound: int) -> tuple[int, int]:
        """Month (1..12) and hour at which a sound is likeliest."""
        month, hour = np.unravel_index(self.probability[sound].argmax(), (MONTHS, HOURS))
        return int(month) + 1, int(hour)

    @property
    def tags(self) -> dict[str, str]:
        """What was asked of which model, for the metadata of a picture."""
        known = None if self.familiarity is None else self.familiarity.tag
        tags = {
            "lat": f"{self.lat:g}",
            "lon": f"{self.lon:g}",
            "model": self.model,
            "calibration": self.calibration,
            PROVENANCE_TAG: self.provenance.tag,
            "software": f"psm {psm.__version__}",
        }
        return tags if known is None else {**tags, FAMILIARITY_TAG: known}

    def to_json(self) -> dict[str, Any]:
        """All of it, rounded to what it is good for."""
        return {
            "lat": self.lat,
            "lon": self.lon,
            "model": self.model,
            "provenance": self.provenance.summary,
            "zoom": self.zoom,
            "calibration": self.calibration,
            "familiarity": self.familiarity and self.familiarity.summary,
            "attribution": self.attribution,
            "licence": self.licence,
            "software": f"psm {psm.__version__}",
            "sounds": {
                text: {
                    "probability": self.probability[row].round(5).tolist(),
                    "uncertainty": self.uncertainty[row].round(5).tolist()
                    if np.isfinite(self.uncertainty[row]).all()
                    else None,
                }
                for row, text in enumerate(self.texts)
            },
        }

    def write_json(self, path: Path) -> Path:
        """Write :meth:`to_json`: every sound by month and hour."""
        with atomic_path(path) as aside:
            aside.write_text(json.dumps(self.to_json()) + "\n")
        return path


def profile(
    model: PSM,
    provider: Provider,
    texts: Sequence[str],
    *,
    lat: float,
    lon: float,
    zoom: int | None = None,
    calibration: Calibration | None = None,
) -> Profile:
    """The profile of any place that the imagery shows.

    Args:
        model: in evaluation mode.
        provider: of the imagery.
        texts: the sounds.
        lat, lon: the place, degrees.
        zoom: level that the model was trained on; by default its first.
        calibration: turns distances into calibrated probabilities.

    Warns:
        UnfamiliarQuery: some of the sounds are unlike anything that the model was trained on.

    Raises:
        MissingData: there is no imagery of the place.
        InvalidContext: there is no such place.
        CheckpointMismatch: the calibration is of other weights.
    """
    level = model.config.imagery.zooms[0] if zoom is None else zoom
    features = look(model, provider, lat=lat, lon=lon, zoom=level)
    terms = text_terms(model, texts)
    sounds = concatenate([term.gaussian for term in terms])
    known = [
        TermFamiliarity(f"“{text}”", term.likeness)
        for text, term in zip(texts, terms, strict=True)
        if term.likeness is not None
    ]
    familiarity = QueryFamiliarity(tuple(known), model.config.name) if known else None
    if familiarity is not None and not familiarity.is_familiar:
        warnings.warn(familiarity.statement, UnfamiliarQuery, stacklevel=2)
    queries = EncodedQuery.each(model, sounds, known)
    curves = curves_of(model, calibration, sounds)
    found = through_time(model, features, queries, curves, lat=lat, lon=lon)
    return Profile(
        lat=lat,
        lon=lon,
        texts=tuple(texts),
        probability=found[PROBABILITY.name],
        uncertainty=found[UNCERTAINTY.name],
        model=model.config.name,
        zoom=level,
        attribution=provider.attribution,
        licence=provider.licence,
        provenance=model.provenance,
        calibration=UNCALIBRATED if calibration is None else calibration.summary,
        familiarity=familiarity,
    )


def look(
    model: PSM, provider: Provider, *, lat: float, lon: float, zoom: int
) -> Float[Tensor, "1 dim"]:
    """Image features of one place.

    Raises:
        ConfigError: the model does not know the zoom level.
        MissingData: there is no imagery of the place, or the model does not cover it.
        InvalidContext: there is no such place.
    """
    picture = picture_of(model, provider, lat=lat, lon=lon, zoom=zoom)
    features = look_at(model, picture)
    require_covered(model, features, lat=lat, lon=lon)
    return features


def require_covered(
    model: PSM, features: Float[Tensor, "1 dim"], *, lat: float, lon: float
) -> None:
    """Refuse a place that a model does not cover, by the image features of its view.

    Raises:
        MissingData: it does not.
    """
    coverage = model.coverage
    if (
        coverage is not None
        and not coverage.covers(features, lat=np.array([lat]), lon=np.array([lon])).all()
    ):
        raise MissingData(
            f"{lat:g}, {lon:g}: not covered by what {model.config.name} learnt; covered is what "
            f"lies {coverage.statement}"
        )


def picture_of(model: PSM, provider: Provider, *, lat: float, lon: float, zoom: int) -> Picture:
    """The view of one place that a model is shown.

    Raises:
        ConfigError: the model does not know the zoom level.
        MissingData: there is no imagery of the place.
        InvalidContext: there is no such place.
    """
    imagery = model.config.imagery
    if zoom not in imagery.zooms:
        known = ", ".join(map(str, imagery.zooms))
        raise ConfigError(f"zoom {zoom}: {model.config.name} knows {known}")
    Context.of(lat=lat, lon=lon)  # refuses what is no place
    view = View(picture_px(model.config), imagery.gsd_m * zoom)
    (picture,) = provider.read(lat=np.array([lat]), lon=np.array([lon]), view=view)
    if isinstance(picture, NoImagery):
        why = f"{picture.reason} ({picture.detail})" if picture.detail else picture.reason.value
        raise MissingData(f"{lat:g}, {lon:g}: {why}")
    return picture


@torch.inference_mode()
def through_time(
    model: PSM,
    features: Float[Tensor, "1 dim"],
    queries: Sequence[EncodedQuery],
    curves: QueryCurves,
    *,
    lat: float,
    lon: float,
) -> dict[str, Float[np.ndarray, "queries 12 24"]]:
    """Every query at a place, by month and local hour; exact, at every one of the 288 times.

    Args:
        model: in evaluation mode.
        features: of the image at the place.
        queries: in the space of the model.
        curves: of all their terms, one query after the other.
        lat, lon: the place, degrees.

    Returns:
        Every one of :data:`psm.mapping.bands.BANDS`, by name.
    """
    month, hour = np.meshgrid(np.arange(1.0, MONTHS + 1), np.arange(float(HOURS)), indexing="ij")
    context = Context.of(
        lat=np.full(month.size, lat), lon=np.full(month.size, lon),
        month=month.ravel(), hour=hour.ravel(),
    )  # fmt: skip
    places = location_gaussians(model, features.expand(month.size, -1), context)
    distances = Distances.between(places, concatenate([query.asked for query in queries]))
    found, column, term = [], 0, 0
    for query in queries:
        own = slice(column, column := column + query.columns)
        terms = curves.columns(slice(term, term := term + len(query)))
        found.append(answer(query, distances.csd[:, own], distances.variance[:, own], terms))
    return {
        band.name: np.stack([each[band.name].cpu().numpy() for each in found]).reshape(
            -1, MONTHS, HOURS
        )
        for band in BANDS
    }


@torch.inference_mode()
def sounds_at(
    model: PSM,
    features: Float[Tensor, "1 dim"],
    sounds: Gaussian,
    curves: QueryCurves,
    moment: Moment,
    *,
    lat: float,
    lon: float,
) -> Float[np.ndarray, " sounds"]:
    """Match probability of every sound of a vocabulary at a place and a moment.

    Args:
        model: in evaluation mode.
        features: of the image at the place.
        sounds: the vocabulary in the space of the model, ``(sounds, dim)``.
        curves: of these sounds.
        moment: when.
        lat, lon: the place, degrees.
    """
    context = moment.context(lat=np.array([lat]), lon=np.array([lon]))
    place = location_gaussians(model, features, context)
    return curves(csd(place, sounds))[0].cpu().numpy()
