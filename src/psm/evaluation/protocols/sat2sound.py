"""Retrieval protocol of Sat2Sound (Khanal et al. 2025), for any model, and ours beside it.

A model is evaluated on its imagery at each of its zooms: images and recordings in both directions,
images and captions in both directions; the location alone, or told its context. Every figure stands
twice: by our definitions, and as the published code counts it. Captions of the answer may join the
recordings or the queries, as published; such rows say so, for that is another task.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict

from psm import __version__
from psm.evaluation.intervals import CellBootstrap, Interval
from psm.evaluation.protocols.published import (
    CAPTION_USES,
    CaptionUse,
    nearest,
    paired,
    published_figures,
)
from psm.evaluation.psm2024 import Fields, recordings_fingerprint
from psm.evaluation.retrieval import CONTEXT, fields_known
from psm.files import atomic_path
from psm.gaussian import Gaussian
from psm.inference.split import SplitFeatures, raw_audio, raw_locations, raw_text
from psm.model import PSM
from psm.progress import track
from psm.ranks import TiedRanks, chance_ranks, tied_ranks

SAT2SOUND_NAME = "sat2sound.json"
CAPTIONS_NAME = "sat2sound-captions.csv"

AUDIO_DIRECTIONS = ("image_to_audio", "audio_to_image")
CAPTION_DIRECTIONS = ("image_to_caption", "caption_to_image")


class _Result(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PublishedCount(_Result):
    """A figure as the published code counts it; see :class:`PublishedFigures`.

    Attributes:
        name: of the recall, as ``R@3.7``.
        recall: share of ranks below that number.
        median_rank: 1-based, ties averaged.
        reported: both as printed: three digits, and the median without its half.
    """

    name: str
    recall: float
    median_rank: float
    reported: tuple[float, int]


class Sat2SoundRow(_Result):
    """One figure of the protocol.

    Attributes:
        zoom: of the views.
        query: kind of location, ``image``, ``image+context`` or that without source tags.
        fields: the context fields that the location is told.
        captions: where the answer's own captions enter: ``none``, ``audio`` (every recording),
            ``query``. The last two hold a part of the answer.
        direction: of :data:`AUDIO_DIRECTIONS` or :data:`CAPTION_DIRECTIONS`.
        recall: share of the queries whose answer stands in the first tenth of the gallery; ``None``
            where that is too small to have one.
        ci95: its interval by bootstrap over cells.
        median_rank: 1-based, ties averaged.
        published: the same by the published count.
    """

    zoom: int
    query: str
    fields: Fields
    captions: CaptionUse
    direction: str
    recall: float | None
    ci95: Interval | None
    median_rank: float
    published: PublishedCount


class Sat2SoundResult(_Result):
    """Result of the protocol for one model; its JSON is what tables are joined from.

    Attributes:
        protocol: names this format.
        version: of the package that measured.
        model: what the tables call the model.
        imagery: what it sees.
        recordings: a fingerprint of the gallery; only equal ones share a table.
        gallery: how many recordings: all of the split.
        distinct_captions: how many of their captions differ; equal ones are tied.
        share: of the gallery that counts for ``recall``.
        seed: of the bootstrap.
        chance: recall and median rank when nothing is known.
        rows: the figures.
    """

    protocol: Literal["sat2sound"] = "sat2sound"
    version: str = __version__
    model: str
    imagery: str
    recordings: str
    gallery: int
    distinct_captions: int
    share: float
    seed: int
    chance: tuple[float | None, float]
    rows: tuple[Sat2SoundRow, ...]

    def row(
        self, zoom: int, query: str, direction: str, captions: CaptionUse = "none"
    ) -> Sat2SoundRow:
        """One of ``rows``; raises ``KeyError`` if it is not there."""
        wanted = (zoom, query, direction, captions)
        for row in self.rows:
            if (row.zoom, row.query, row.direction, row.captions) == wanted:
                return row
        raise KeyError(wanted)


def evaluate_sat2sound(
    model: PSM,
    features: SplitFeatures,
    *,
    name: str | None = None,
    share: float = 0.1,
    seed: int = 0,
) -> Sat2SoundResult:
    """The protocol of one model on the split whose ``features`` are given.

    Args:
        model: that the features are of.
        features: of all recordings of a split.
        name: what the tables call the model; its configured name by default.
        share: of the gallery that counts as found.
        seed: of the bootstrap.
    """
    recordings = features.recordings
    audio, caption = raw_audio(model, features), raw_text(model, features)
    bootstrap = CellBootstrap([recording.cell for recording in recordings], seed=seed)
    rows = []
    asked = [*product(features.images, fields_known(model).items())]
    for zoom, (query, fields) in track(asked, "ranking"):
        location = raw_locations(model, features, zoom, fields)
        for direction, use, placed in _ranked(location, audio, caption):
            hits, counted = placed.hit_share(share), placed.has_share(share)
            figures = published_figures(placed.rank, 100.0 * share)
            rows.append(
                Sat2SoundRow(
                    zoom=zoom,
                    query=query,
                    fields=fields,
                    captions=use,
                    direction=direction,
                    recall=float(hits.mean()) if counted.all() else None,
                    ci95=bootstrap.interval(hits, counted),
                    median_rank=placed.median_rank,
                    published=PublishedCount(**figures._asdict(), reported=figures.reported),
                )
            )
    chance = chance_ranks([0] * len(recordings))
    has_share = bool(chance.has_share(share).all())
    return Sat2SoundResult(
        model=name or model.config.name,
        imagery=model.config.imagery.name,
        recordings=recordings_fingerprint(recordings),
        gallery=len(recordings),
        distinct_captions=len({recording.caption for recording in recordings}),
        share=share,
        seed=seed,
        chance=(
            float(chance.hit_share(share).mean()) if has_share else None,
            chance.median_rank,
        ),
        rows=tuple(rows),
    )


def _ranked(
    location: Gaussian, audio: Gaussian, caption: Gaussian
) -> Iterator[tuple[str, CaptionUse, TiedRanks]]:
    """Ranks in every direction, with captions wherever they may enter."""
    for use in CAPTION_USES:
        for direction, query, gallery in zip(
            AUDIO_DIRECTIONS, (location, audio), (audio, location), strict=True
        ):
            asks = direction.partition("_")[0]
            yield direction, use, tied_ranks(*paired(query, gallery, caption, use, asks=asks))
    places, texts = location.unit(), caption.unit()
    yield CAPTION_DIRECTIONS[0], "none", tied_ranks(places, texts)
    yield CAPTION_DIRECTIONS[1], "none", tied_ranks(texts, places)


def write_captions(model: PSM, features: SplitFeatures, path: Path) -> Path:
    """Write a table of the three captions of the split that are nearest to each place.

    The places are told all that the model knows of them, at the first of the zooms.

    Args:
        model: that the features are of.
        features: of a split.
        path: CSV with the columns ``key``, ``caption``, and ``nearest_1``, ``nearest_2``,
            ``nearest_3``; equal captions count once.
    """
    texts: Mapping[str, int] = {
        recording.caption: row for row, recording in reversed([*enumerate(features.recordings)])
    }
    rows = sorted(texts.values())
    zoom = next(iter(features.images))
    known = fields_known(model)
    places = raw_locations(model, features, zoom, known.get(CONTEXT, ())).unit()
    order = nearest(places, raw_text(model, features).unit().rows(torch.tensor(rows)), 3)
    with atomic_path(path) as aside, aside.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(["key", "caption", *(f"nearest_{k + 1}" for k in range(3))])
        for recording, best in zip(features.recordings, order, strict=True):
            found = [features.recordings[rows[at]].caption for at in best]
            table.writerow([recording.key, recording.caption, *found, *[""] * (3 - len(found))])
    return path
