"""Captions for a place: texts of a list or a gallery, ranked by how well each matches it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from psm.calibration import Calibration, curves_of
from psm.curves import QueryCurves
from psm.data.corpus import find_split
from psm.data.delimited import lines_of
from psm.errors import ConfigError, MissingData, UnfamiliarQuery
from psm.familiarity import Likeness, TermFamiliarity
from psm.gaussian import Gaussian, concatenate, csd
from psm.imagery import Provider
from psm.inference.batches import location_gaussians
from psm.inference.queries import text_terms
from psm.mapping.bands import PROBABILITY, UNCERTAINTY
from psm.mapping.distances import Distances
from psm.mapping.matching import EncodedQuery, answer
from psm.mapping.moment import UNKNOWN, Moment, Sources
from psm.mapping.profile import look
from psm.model import PSM
from psm.progress import track

GALLERY = "gallery"
"""Says in place of a file that the captions are those of a gallery."""

_AT_ONCE = 256


@dataclass(frozen=True)
class FoundCaption:
    """A caption that matches a place.

    Attributes:
        caption: the text.
        probability: of a match.
        uncertainty: its standard deviation; NaN where the model cannot tell.
        is_familiar: whether the text is not known to be unlike what the model learnt; what is
            unfamiliar is held below the base rate, as on maps.
    """

    caption: str
    probability: float
    uncertainty: float
    is_familiar: bool = True

    @property
    def row(self) -> dict[str, object]:
        """For a table; without an uncertainty where there is none."""
        known = {"uncertainty": round(self.uncertainty, 4)} if self.uncertainty >= 0.0 else {}
        return {
            "probability": round(self.probability, 4),
            **known,
            "familiar": "yes" if self.is_familiar else "no",
            "caption": self.caption,
        }


@dataclass(frozen=True, eq=False)
class EncodedCaptions:
    """Captions in the space of a model, ready for any place.

    Attributes:
        texts: each once.
        gaussians: ``(n, dim)`` of them.
        likenesses: how familiar each is; ``None`` where the model does not say.
    """

    texts: tuple[str, ...]
    gaussians: Gaussian
    likenesses: tuple[Likeness | None, ...]

    @classmethod
    def of(cls, model: PSM, texts: Iterable[str]) -> EncodedCaptions:
        """Encode captions; equal ones are one, and empty ones none.

        Args:
            model: in evaluation mode.
            texts: captions.

        Raises:
            ConfigError: none of them holds a word.
        """
        kept = tuple(dict.fromkeys(text for raw in texts if (text := " ".join(raw.split()))))
        if not kept:
            raise ConfigError("no caption to rank: every line is empty")
        starts: Iterable[int] = range(0, len(kept), _AT_ONCE)
        if len(kept) > _AT_ONCE:
            starts = track([*starts], "reading captions")
        terms = [term for at in starts for term in text_terms(model, kept[at : at + _AT_ONCE])]
        gaussians = concatenate([term.gaussian for term in terms])
        return cls(kept, gaussians, tuple(term.likeness for term in terms))

    @classmethod
    def joined(cls, parts: Sequence[EncodedCaptions]) -> EncodedCaptions:
        """Parts of one list, each encoded on its own."""
        return cls(
            tuple(text for part in parts for text in part.texts),
            concatenate([part.gaussians for part in parts]),
            tuple(one for part in parts for one in part.likenesses),
        )

    @cached_property
    def known(self) -> list[TermFamiliarity]:
        """How familiar each is, in order; empty where the model does not say."""
        return [
            TermFamiliarity(f"“{text}”", likeness)
            for text, likeness in zip(self.texts, self.likenesses, strict=True)
            if likeness is not None
        ]


@torch.inference_mode()
def best_captions(
    model: PSM,
    features: Float[Tensor, "1 dim"],
    captions: EncodedCaptions,
    curves: QueryCurves,
    *,
    lat: float,
    lon: float,
    moment: Moment,
    sources: Sources = UNKNOWN,
    count: int = 20,
) -> list[FoundCaption]:
    """The captions that match a place best, best first; every one is compared.

    A caption is answered as a query of a map is: by its calibrated match probability where there is
    a calibration, and at most by the base rate where it is unlike what the model learnt. Of equal
    ones, the first in the list comes first.

    Args:
        model: in evaluation mode.
        features: of the image at the place, see :func:`psm.mapping.profile.look`.
        captions: encoded by the model.
        curves: of the captions, from distance to probability (:func:`~psm.calibration.curves_of`).
        lat, lon: the place, degrees.
        moment: when.
        sources: archive and captions that the model is told of.
        count: how many, at most.

    Raises:
        ConfigError: a count below one.
        InvalidContext: there is no such place.
    """
    if count < 1:
        raise ConfigError(f"search for {count} captions: ask for one at least")
    context = moment.context(lat=np.array([lat]), lon=np.array([lon]), sources=sources)
    place = location_gaussians(model, features, context)
    known = captions.known
    ceilings = torch.tensor([term.ceiling for term in known] or [1.0])
    probability = curves.capped(ceilings)(csd(place, captions.gaussians))[0].cpu().numpy()
    best = np.argsort(-probability, kind="stable")[:count].tolist()
    # How sure that is costs more, and is asked for what is shown alone.
    queries = EncodedQuery.each(
        model, captions.gaussians.rows(torch.tensor(best)), [known[row] for row in best if known]
    )
    return [
        _found(captions.texts[row], query, place, curves.columns(slice(row, row + 1)))
        for row, query in zip(best, queries, strict=True)
    ]


def _found(text: str, query: EncodedQuery, place: Gaussian, curves: QueryCurves) -> FoundCaption:
    distances = Distances.between(place, query.asked)
    found = answer(query, distances.csd, distances.variance, curves)
    is_familiar = query.familiarity is None or query.familiarity.is_familiar
    return FoundCaption(
        text, float(found[PROBABILITY.name][0]), float(found[UNCERTAINTY.name][0]), is_familiar
    )


def search_captions(
    model: PSM,
    provider: Provider,
    texts: Iterable[str],
    *,
    lat: float,
    lon: float,
    moment: Moment,
    sources: Sources = UNKNOWN,
    zoom: int | None = None,
    calibration: Calibration | None = None,
    count: int = 20,
) -> list[FoundCaption]:
    """The captions of a list that match a place at a moment best, best first.

    Args:
        model: in evaluation mode.
        provider: of the imagery of the place.
        texts: captions, see :func:`captions_of`.
        lat, lon: the place, degrees.
        moment: when.
        sources: archive and captions that the model is told of.
        zoom: level that the model was trained on; by default its first.
        calibration: of the model.
        count: how many, at most.

    Warns:
        UnfamiliarQuery: some of the captions are unlike what the model was trained on.

    Raises:
        ConfigError: no caption, or the model does not know the zoom.
        MissingData: there is no imagery of the place.
        InvalidContext: there is no such place.
    """
    level = model.config.imagery.zooms[0] if zoom is None else zoom
    features = look(model, provider, lat=lat, lon=lon, zoom=level)
    captions = EncodedCaptions.of(model, texts)
    strange = [term for term in captions.known if not term.is_familiar]
    if strange:
        rate = strange[0].likeness.base_rate
        warnings.warn(
            f"{len(strange):,} of {len(captions.texts):,} captions, as {strange[0].name}, are "
            f"unlike anything that {model.config.name} has learnt: held below the base rate of "
            f"what it knows, {rate:.2g}",
            UnfamiliarQuery,
            stacklevel=2,
        )
    curves = curves_of(model, calibration, captions.gaussians)
    return best_captions(
        model, features, captions, curves, lat=lat, lon=lon, moment=moment, sources=sources,
        count=count,
    )  # fmt: skip


def captions_of(
    model: PSM, named: str, gallery: Path | None = None, split: str = "test"
) -> Sequence[str]:
    """Captions by the words of a user: a file with one a line, or ``gallery``.

    Args:
        model: whose own phrases are taken where ``gallery`` is asked for and none is given: those
            that many of its training captions hold (:mod:`psm.familiarity`).
        named: a file of text, or :data:`GALLERY`.
        gallery: folder of shards whose captions are meant.
        split: of them.

    Raises:
        MissingData: no such file or shards, or a model that keeps no captions.
        ConfigError: the file is no text, or a gallery is given beside a file.
    """
    if named != GALLERY:
        if gallery is not None:
            raise ConfigError(
                f"--captions {named} and --gallery: write --captions {GALLERY} for the captions "
                "of a data set"
            )
        try:
            return [text for _, text in lines_of(Path(named))]
        except FileNotFoundError:
            raise MissingData(
                f"{named}: no such file; name a text with one caption a line, or {GALLERY}"
            ) from None
        except (OSError, EOFError) as problem:
            raise MissingData(f"{named}: not readable as captions ({problem})") from None
    if gallery is not None:
        return [recording.caption for recording in find_split(gallery, split)[1]]
    if model.familiarity is None:
        raise MissingData(
            f"{model.config.name} keeps no captions of its own: name a data set with --gallery, or "
            "a text with one caption a line"
        )
    return model.familiarity.phrases
