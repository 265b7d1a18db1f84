"""A measure: a number that somebody measured at places, as a map of any place, month and hour.

It is named by its column and knows its unit, its range, how it was fitted, on what, and by whose
embedding. A folder holds it: ``measure.safetensors`` has the numbers, ``measure.yaml`` all that can
be said in words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from torch import Tensor

from psm.checkpoints import weights_fingerprint
from psm.errors import CheckpointMismatch, MissingData
from psm.files import atomic_path
from psm.mapping.bands import INFINITY, MEASURED, Band
from psm.measures.kernel import NAMES, Inputs
from psm.measures.links import Link, LinkKind
from psm.measures.predictor import Predictor
from psm.measures.regression import Posterior
from psm.model import PSM
from psm.provenance import Provenance
from psm.tensorfiles import read_tensors, write_tensors
from psm.yamlfiles import parse, read_yaml, write_yaml

TENSORS_NAME, WORDS_NAME = "measure.safetensors", "measure.yaml"
FOLDER = Path("runs/measures")
"""Where measures are kept that are called by name alone."""

_VERSION = 1
_TENSORS = ("centre", "axes", "seen", "place", "time", "weights", "explained", "logs")


class Fitted(BaseModel):
    """What a measure was fitted on.

    Attributes:
        table: name of the file.
        sha256: of its content.
        rows: measurements that were used.
        places: different places among them.
        left_out: rows that were not, by reason.
        months, hours: how many rows know theirs.
        censored: rows at or below the floor.
        floor: of the recorder, in the unit of the column.
        box: west, south, east, north of the places, degrees (EPSG:4326).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: str
    sha256: str
    rows: int
    places: int
    left_out: dict[str, int] = {}
    months: int
    hours: int
    censored: int = 0
    floor: float | None = None
    box: tuple[float, float, float, float]
    crs: Literal["EPSG:4326"] = "EPSG:4326"


class About(BaseModel):
    """All that is said of a measure in words: ``measure.yaml``.

    Attributes:
        name: of the column.
        unit: of its numbers; ``1`` for a pure number.
        low, high: smallest and largest possible number, ``None`` without end.
        link, inset: see :class:`psm.measures.links.Link`.
        mean, deviation: of the column behind its link; the process is fitted in these units.
        method: how it was fitted, in a sentence.
        shrink: how much of a prediction's distance from the mean places left out bear out.
        stretch: what predicted deviations are multiplied by, so that intervals of 90 % hold it.
        hyperparameters: by name, see :mod:`psm.measures.kernel`.
        fitted: on what.
        model, weights: name of the embedding model and the fingerprint of its weights.
        imagery: name of the imagery that places were seen by.
        zoom: level of the views.
        attribution, licence: of the imagery.
        scores: by which it was judged on places left out, and those of the baselines.
        provenance: what the embedding model learnt from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = _VERSION
    name: str
    unit: str
    low: float | None
    high: float | None
    link: LinkKind
    inset: float
    mean: float
    deviation: float
    method: str
    shrink: float
    stretch: float
    hyperparameters: dict[str, float]
    fitted: Fitted
    model: str
    weights: str
    imagery: str
    zoom: int
    attribution: str
    licence: str
    scores: dict[str, Any] = {}
    provenance: Provenance


@dataclass(frozen=True, eq=False)
class Measure:
    """A fitted number; :func:`psm.measures.fit_measures` makes it, :func:`map_measure` draws it.

    Attributes:
        about: what is said of it.
        predictor: what it says of places and times.

    Example:
        >>> measure = Measure.load("runs/measures/laeq_db")
        >>> map_measure(measure, model, embedded, Moment(month=5, hour=8.0)).write("level.tif")
    """

    about: About
    predictor: Predictor

    @property
    def name(self) -> str:
        """Of its column."""
        return self.about.name

    @property
    def bands(self) -> tuple[Band, ...]:
        """Of its maps: value, lower, upper, and the uncertainty that pictures show."""
        about, link = self.about, self.predictor.link
        ends = link.low, link.high
        words = about.name.replace("_", " ")
        colours = "ember"
        value = Band(
            name=MEASURED, short_name=MEASURED, long_name=words, unit=about.unit, value_range=ends,
            description=f"Expected {words} at this place and time, fitted to measurements.",
            colours=colours, diverges=False,
        )  # fmt: skip
        lower, upper = (
            Band(
                name=name, short_name=name, long_name=f"{name} end of the 90 % interval of {words}",
                unit=about.unit, value_range=ends, colours=colours, diverges=False,
                description=f"Nine of ten measurements lie between lower and upper: {name}.",
            )
            for name in ("lower", "upper")
        )  # fmt: skip
        uncertainty = Band(
            name="uncertainty", short_name="uncertainty", unit=about.unit,
            long_name=f"standard deviation of {words}", value_range=(0.0, INFINITY),
            description="Width of the interval of 90 %, as a standard deviation.",
            colours="slate", is_standard=False,
        )  # fmt: skip
        return value, lower, upper, uncertainty

    def require_model(self, model: PSM) -> None:
        """Refuse a model whose embedding is another one.

        Args:
            model: that is to embed places.

        Raises:
            CheckpointMismatch: its weights are not those that the measure was fitted with.
        """
        found = weights_fingerprint(model)
        if found != self.about.weights:
            raise CheckpointMismatch(
                f"measure {self.name} was fitted with {self.about.model}, "
                f"{self.about.weights[:12]}, not with {model.config.name}, {found[:12]}: "
                "name that one by --model, or fit the measure again"
            )

    def save(self, folder: Path) -> Path:
        """Write the measure into a folder of its own; each file is complete or absent.

        Args:
            folder: usually of the name of the column.

        Returns:
            The folder.
        """
        predictor, posterior = self.predictor, self.predictor.posterior
        tensors = {
            "centre": predictor.centre, "axes": predictor.axes, **posterior.points._asdict(),
            "weights": posterior.weights, "explained": posterior.explained, "logs": posterior.logs,
        }  # fmt: skip
        about = {"version": _VERSION, "name": self.name, "weights": self.about.weights}
        write_tensors(folder / TENSORS_NAME, tensors, about)
        with atomic_path(folder / WORDS_NAME) as aside:
            write_yaml(self.about, aside)
        return folder

    @classmethod
    def load(cls, path: str | Path) -> Measure:
        """A measure from its folder, one of the files in it, or its name in ``runs/measures``.

        Args:
            path: where, or the name.

        Returns:
            The measure.

        Raises:
            MissingData: there is none.
            ConfigError, CheckpointMismatch: it is broken, or its files do not belong together.
        """
        folder = _folder(path)
        about = parse(About, read_yaml(folder / WORDS_NAME), str(folder / WORDS_NAME))
        try:
            found = read_tensors(folder / TENSORS_NAME, _TENSORS, version=_VERSION)
        except CheckpointMismatch:
            found = None
        if found is None or found[1] != {"name": about.name, "weights": about.weights}:
            raise CheckpointMismatch(
                f"{folder / TENSORS_NAME}: not readable, or not of {WORDS_NAME} beside it; "
                "fit the measure again with psm measure fit"
            )
        tensors: Mapping[str, Tensor] = found[0]
        points = Inputs(tensors["seen"], tensors["place"], tensors["time"])
        posterior = Posterior(points, tensors["weights"], tensors["explained"], tensors["logs"])
        low = -INFINITY if about.low is None else about.low
        high = INFINITY if about.high is None else about.high
        link = Link(about.link, low, high, about.inset)
        predictor = Predictor(
            posterior, tensors["centre"], tensors["axes"], link, about.mean, about.deviation,
            about.shrink, about.stretch,
        )  # fmt: skip
        return cls(about, predictor)


def folder_name(name: str) -> str:
    """What the folder of a measure is called: its name, without what no folder can be called.

    Args:
        name: of the column.

    Returns:
        Its letters, digits, ``_``, ``.`` and ``-``, with a hyphen for whatever else stands between.
    """
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "measure"


def hyperparameters(posterior: Posterior) -> dict[str, float]:
    """By name, for people."""
    return {
        name: float(f"{value:.4g}")
        for name, value in zip(NAMES, posterior.logs.exp().tolist(), strict=True)
    }


def _folder(path: str | Path) -> Path:
    for place in (Path(path), FOLDER / path, FOLDER / folder_name(f"{path}")):
        if place.name in (TENSORS_NAME, WORDS_NAME):
            place = place.parent
        if (place / WORDS_NAME).is_file():
            return place
    kept = sorted(each.parent.name for each in FOLDER.glob(f"*/{WORDS_NAME}"))
    there = f"; in {FOLDER} there are {', '.join(kept)}" if kept else ""
    raise MissingData(f"{path}: no measure; make one with psm measure fit{there}")
