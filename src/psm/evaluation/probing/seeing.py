"""Report of who sees and who hears, and of the hidden layers in the image features."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from rich import box
from rich.console import Group
from rich.table import Table

from psm.earth.worlds import OUR_EARTH, World
from psm.errors import ConfigError
from psm.evaluation.oracles import DIRECTIONS, has_truth
from psm.evaluation.probing.decomposition import DecompositionRow, decompose
from psm.evaluation.probing.hiddenlayers import LayerScore, probe_layers
from psm.evaluation.probing.probes import FOLDS, Folds
from psm.evaluation.retrieval import IMAGE, SOURCE_FREE, embed, view_reach_km
from psm.evaluation.retrievalreport import score_text
from psm.inference.split import SplitFeatures
from psm.model import PSM

MIN_RECORDINGS = 200
"""Fewer recordings cannot train a probe."""

QUERY_NAMES = {IMAGE: "place from the image", SOURCE_FREE: "place, month, hour"}
_HEADINGS = {IMAGE: "image\nalone", SOURCE_FREE: "place,\nmonth, hour"}


@dataclass(frozen=True)
class SeeingReport:
    """Who sees, who hears, and what the image features know.

    Attributes:
        model: its name.
        recordings: how many there were.
        rows: of who sees and who hears.
        layers: the hidden layers, as a probe of the image features ranks them.
    """

    model: str
    recordings: int
    rows: tuple[DecompositionRow, ...]
    layers: tuple[LayerScore, ...]

    def score(self, sees: str, hears: str, query: str, direction: str) -> float | None:
        """R@10% of one pairing; ``None`` where it was not asked."""
        labels = (sees, hears, query, direction)
        for row in self.rows:
            if (row.sees, row.hears, row.query, row.direction) == labels:
                return row.r_at_10pct
        return None

    def pairings(self) -> list[tuple[str, str]]:
        """Who sees and who hears, in the order of the table."""
        return list(dict.fromkeys((row.sees, row.hears) for row in self.rows))

    def to_json(self) -> dict[str, Any]:
        """JSON-ready; numbers that do not exist are ``null``."""
        return {
            "model": self.model,
            "recordings": self.recordings,
            "folds": FOLDS,
            "retrieval": [asdict(row) for row in self.rows],
            "hidden_layers": [
                {**asdict(score), "spearman": _known(score.spearman)} for score in self.layers
            ],
        }


def look_and_listen(
    model: PSM,
    features: SplitFeatures,
    *,
    zoom: int = 1,
    name: str | None = None,
    seed: int = 0,
    world: World = OUR_EARTH,
) -> SeeingReport | None:
    """Find out who sees and who hears, by probes of a model's features of a split.

    Args:
        model: that the features are of.
        features: of a split of the simulated Earth.
        zoom: one of those the split was encoded at.
        name: the model's name in the report; its configured one by default.
        seed: of folds and bootstrap.
        world: that the recordings are of.

    Returns:
        The report; ``None`` where the recordings are not of the simulated Earth, or too few or too
        near to each other to train a probe on some and read it on others.
    """
    recordings = features.recordings
    if not has_truth(recordings) or len(recordings) < MIN_RECORDINGS:
        return None
    try:
        folds = Folds.of(recordings, seed=seed)
    except ConfigError:
        return None
    reach_km, images = view_reach_km(model, zoom), features.images[zoom].flatten(1)
    embedded = embed(model, features, zoom=zoom)
    return SeeingReport(
        model=name or model.config.name,
        recordings=len(recordings),
        rows=decompose(embedded, folds, reach_km=reach_km, seed=seed, world=world),
        layers=probe_layers(images.double().numpy(), recordings, folds, reach_km=reach_km),
    )


def seeing_table(report: SeeingReport) -> Group:
    """Both tables for the terminal."""
    pairs = Table(
        title=f"Who sees, who hears: R@10% of {report.model}, {report.recordings:,} recordings",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        header_style="bold",
        padding=0,
        caption="A probe is a linear read-out of the embedding, trained on other places. What the "
        "oracle\nloses by hearing through the audio probe is lost by the audio side, what the "
        "location\nprobe loses against the oracle by the location side.",
        caption_justify="left",
    )
    pairs.add_column("who sees", no_wrap=True)
    pairs.add_column("who hears", no_wrap=True)
    columns = [(query, direction) for query in QUERY_NAMES for direction in DIRECTIONS]
    for query, direction in columns:
        arrow = "→ sound" if direction == "image_to_audio" else "→ location"
        pairs.add_column(f"{_HEADINGS[query]}\n{arrow}", justify="right", no_wrap=True)
    for sees, hears in report.pairings():
        scores = (report.score(sees, hears, *column) for column in columns)
        pairs.add_row(sees, hears, *(score_text(score) for score in scores))
    layers = Table(
        title="Hidden layers in the image features: rank correlation of a probe and the truth",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        header_style="bold",
        padding=0,
    )
    layers.add_column("layer")
    layers.add_column("in the pixels", justify="right")
    layers.add_column("Spearman", justify="right")
    for layer in report.layers:
        known = _known(layer.spearman)
        text = "–" if known is None else f"{known:.2f}"
        layers.add_row(layer.layer, visibility(layer), text)
    return Group(pairs, layers)


def visibility(layer: LayerScore) -> str:
    """Whether a view shows a layer; of what lies around, in the view of how many places."""
    if layer.in_view is not None:
        return f"in {layer.in_view:.0%} of views"
    return "yes" if layer.is_visible else "no"


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
