"""How likely every sound of a vocabulary is at a place: the two opinions of a model, together.

A model knows most about its vocabulary where it learnt from labels: then it has second opinions
(:mod:`psm.uncertainty`), probes fitted to what recordings were labelled with. They tell better
where a sound is likely than the distance to its name does, and of recordings as archives make them.
To stand for the land, their log-odds are shifted by how much more common each sound is there than
in archives, as the gallery of the model hears it (a change of priors: Saerens, Latinne &
Decaestecker 2002, "Adjusting the outputs of a classifier to new a priori probabilities", Neural
Computation 14); the expected number of sounds stays as it was. Where a sound is none of those that
were labelled, or there are no second opinions, the calibrated probability of a map stands.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from psm.calibration import Calibration, curves_of
from psm.curves import QueryCurves
from psm.errors import UnfamiliarQuery
from psm.familiarity import QueryFamiliarity, TermFamiliarity
from psm.gaussian import Gaussian, concatenate
from psm.indicators.vocabulary import Vocabulary
from psm.inference.queries import text_terms
from psm.mapping.bands import PROBABILITY, UNCERTAINTY
from psm.mapping.distances import Distances
from psm.mapping.matching import EncodedQuery, answer
from psm.model import PSM
from psm.uncertainty import Opinions

_LEAST = 1e-6

Expected = tuple[Float[np.ndarray, "n sounds"], Float[np.ndarray, "n sounds"]]
"""Probability of every sound at N places or times, and its standard deviation."""


@dataclass(frozen=True, eq=False)
class ExpectedSounds:
    """A vocabulary in the space of a model, ready to be compared with places.

    Attributes:
        queries: one a sound.
        curves: of them.
        asked: Gaussians whose distances are needed: the sounds, then the second opinions on them.
        opinions: these, where the model has any.
        to_land: that is added to their log-odds, ``(sounds,)``.
        familiarity: of the sounds, where the model says.
    """

    queries: list[EncodedQuery]
    curves: QueryCurves
    asked: Gaussian
    opinions: Opinions | None
    to_land: Float[Tensor, " sounds"]
    familiarity: QueryFamiliarity | None

    @classmethod
    @torch.inference_mode()
    def of(
        cls, model: PSM, vocabulary: Vocabulary, calibration: Calibration | None = None
    ) -> ExpectedSounds:
        """Encode a vocabulary.

        Args:
            model: in evaluation mode.
            vocabulary: the sounds.
            calibration: of the model.

        Returns:
            It, ready to be compared.

        Warns:
            UnfamiliarQuery: some of the sounds are unlike anything that the model was trained on.

        Raises:
            CheckpointMismatch: the calibration is of other weights.
        """
        terms = text_terms(model, vocabulary.texts)
        sounds = concatenate([term.gaussian for term in terms])
        known = [
            TermFamiliarity(f"“{text}”", term.likeness)
            for text, term in zip(vocabulary.texts, terms, strict=True)
            if term.likeness is not None
        ]
        familiarity = QueryFamiliarity(tuple(known), model.config.name) if known else None
        if familiarity is not None and not familiarity.is_familiar:
            warnings.warn(familiarity.statement, UnfamiliarQuery, stacklevel=2)
        opinions = None if model.uncertainty is None else model.uncertainty.opinions(sounds)
        nothing = torch.zeros(len(vocabulary))
        return cls(
            queries=EncodedQuery.each(model, sounds, known),
            curves=curves_of(model, calibration, sounds),
            asked=sounds if opinions is None else concatenate([sounds, opinions.gaussians]),
            opinions=opinions,
            to_land=nothing if calibration is None else calibration.shift_to_land(sounds),
            familiarity=familiarity,
        )

    @property
    def statement(self) -> str:
        """What the probabilities are, for the metadata of files; empty where those of maps are."""
        if self.opinions is None:
            return ""
        moved = ", moved to the land as it is" if self.to_land.any() else ""
        return (
            f"second opinions, of the labels of {self.opinions.model.recordings} recordings{moved}"
        )

    @torch.inference_mode()
    def at(self, distances: Distances) -> Expected:
        """How likely each sound is.

        Args:
            distances: of N places or times to :attr:`asked`.

        Returns:
            Probabilities and their standard deviations; NaN where there is no imagery.
        """
        count, found = len(self.queries), []
        for column, query in enumerate(self.queries):
            own = [column] if query.opinions is None else [column, count + column]
            curve = self.curves.columns(slice(column, column + 1))
            found.append(answer(query, distances.csd[:, own], distances.variance[:, own], curve))
        probability, uncertainty = (
            torch.stack([each[band.name] for each in found], dim=-1)
            for band in (PROBABILITY, UNCERTAINTY)
        )
        if self.opinions is not None:
            second = self.opinions.probability(distances.csd[:, count:]).clamp(_LEAST, 1.0 - _LEAST)
            shifted = torch.sigmoid(torch.logit(second) + self.to_land.to(second))
            # Which sounds are common differs on the land; how many a recording holds does not.
            shifted = shifted * (second.sum(-1, keepdim=True) / shifted.sum(-1, keepdim=True))
            shifted = shifted.clamp_max(1.0)
            trust = self.opinions.trust.to(second)
            probability = trust * shifted + (1.0 - trust) * probability
        return probability.cpu().double().numpy(), uncertainty.cpu().double().numpy()
