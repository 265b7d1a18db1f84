"""Codewords: how well every patch of a view goes with the codes of the words (Sat2Sound).

A word of the query chooses one code of the model's codebook; every patch of the view, having met
place and time, scores that code (:mod:`psm.inference.wordheat`). The colours go from 0 to the
highest score of any code at any patch of the view, where the published picture is stretched between
its own lowest and highest number: words that nothing in a view goes with stay pale.
"""

from __future__ import annotations

import numpy as np
import torch

from psm.calibration import UNCALIBRATED, Calibration
from psm.encoders.codebook import CodebookHead
from psm.encoders.tokens import Tokens
from psm.errors import ConfigError
from psm.explaining.explanation import Heat, SeenView
from psm.inference.batches import image_features
from psm.inference.wordheat import word_heat
from psm.mapping.bands import INFINITY, Band
from psm.mapping.moment import Moment, Sources
from psm.mapping.profile import require_covered
from psm.mapping.query import Query
from psm.model import PSM

SCORE = Band(
    name="code_score",
    short_name="score",
    long_name="score of the words' codes",
    description="How well a patch of the view goes with the codes that the words chose.",
    value_range=(-INFINITY, INFINITY),
    colours="ember",
    diverges=False,
)

_WAY = "scores of every patch of the view for the codes that the words chose, averaged over words"
_LITTLE = frozenset(("a", "an", "and", "at", "in", "of", "on", "or", "the", "with"))
"""Words that name nothing; asked for only where there is no other."""


@torch.inference_mode()
def codewords(
    model: PSM,
    view: SeenView,
    query: Query,
    moment: Moment,
    calibration: Calibration | None = None,  # noqa: ARG001 (every way is called alike)
) -> Heat:
    """Scores of the words' codes over a view; see :class:`psm.explaining.Explainer`.

    Args:
        model: with a codebook, in evaluation mode.
        view: that it is shown.
        query: one text in one wording, of which every word counts alike.
        moment: when.
        calibration: not needed: these are no probabilities.

    Returns:
        A score for every patch of the satellite tower.

    Raises:
        ConfigError: the query is anything else, or the model has no codebook.
        MissingData: the model does not cover the place.
    """
    head = model.location_head
    if not isinstance(head, CodebookHead):
        raise ConfigError(f"{model.config.name}: has no codebook, which heat of words needs")
    caption = _caption(query)
    words = caption.split()
    named = [word for word in words if word.casefold() not in _LITTLE] or words
    image = image_features(model, view.pixels[None].copy(), view.gsd_m)
    require_covered(model, image, lat=view.lat, lon=view.lon)
    context = moment.context(
        lat=np.array([view.lat]),
        lon=np.array([view.lon]),
        sources=Sources(query.audio_source, query.caption_source),
    )
    found = word_heat(model, image, caption, named, context)
    fused = Tokens.unpacked(model.location_features(image, context), head.width)
    patches = Tokens.all_known(fused.values[:, : found.heat.numel()])
    highest = float(head.token_scores(patches).max())
    return Heat(
        values={SCORE.name: found.heat.cpu().numpy()},
        bands=(SCORE,),
        way=_WAY,
        calibration=UNCALIBRATED,
        familiarity=query.encode(model).familiarity,
        ends=(0.0, max(highest, 1e-9)),
    )


def _caption(query: Query) -> str:
    terms = query.all_terms
    if len(terms) != 1 or len(terms[0].wordings) != 1 or not terms[0].is_wanted or query.templates:
        raise ConfigError(
            f"{query.label}: a codebook finds the words of one text in a view; ask for one, "
            "without recordings, weights, other wordings or --not"
        )
    return terms[0].wordings[0]
