"""Familiarity: how well a query lies within what a model was trained on, and what it is nearest to.

A model answers whatever it is asked. Its heads map nonsense onto what they know, so that nothing in
the space of places tells the two apart; the towers before the heads do. So a model folder keeps
what it knows as its towers see it: phrases that many training captions hold, and some training
recordings. A text is as near to them as to the nearest phrase, by the cosine of their features (Sun
et al. 2022, "Out-of-distribution detection with deep nearest neighbors"). A recording is as near as
the space that the known ones span holds of it, their leading principal components: what it has
beyond them, no training recording has (the residual of Wang et al. 2022, "ViM: out-of-distribution
with virtual-logit matching"). Its **familiarity** is the share of held-out captions, or recordings,
that are no nearer (a conformal p-value; Bates et al. 2023, "Testing for outliers with conformal
p-values"): anything in [0, 1] for what the training data are like, next to 0 for what they are not.

What is less familiar than :data:`UNFAMILIAR` may be anything, and its probability is held below
that of the median known phrase; see :attr:`TermFamiliarity.ceiling`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from psm.tensorfiles import built, read_tensors, unusable, write_tensors
from psm.unitfeatures import ROUNDING, Span, cosines, rounded, unit

FILE_NAME = "familiarity.safetensors"
TAG = "psm.familiarity"
"""Name of the familiarity of a query in the metadata of files."""

UNFAMILIAR = 0.05
"""Familiarity below which a query counts as unlike the training data: by construction, so does this
share of held-out captions and of held-out recordings."""

_VERSION = 2
_NEAREST = 2  # that are named
_ALIKE = 0.75  # cosine from which two phrases say the same: one of them is enough
_ROUNDED = ("texts", "sounds")  # to 8 bits a feature
_TENSORS = ("texts", "sounds", "sound_phrases", "held_out_texts", "held_out_sounds")


class Likeness(NamedTuple):
    """How familiar one text or recording is.

    Attributes:
        familiarity: share of held-out ones that are no nearer to what is known, in [0, 1].
        nearest: the known phrases that it is nearest to, and the cosine of each.
        base_rate: share of recordings that hold the median known phrase.
    """

    familiarity: float
    nearest: tuple[tuple[str, float], ...]
    base_rate: float


@dataclass(frozen=True)
class TermFamiliarity:
    """How familiar one wording, or one recording, of a query is.

    Attributes:
        name: as the query names it.
        likeness: to what the model was trained on.
    """

    name: str
    likeness: Likeness

    @property
    def familiarity(self) -> float:
        """In [0, 1]; see the module."""
        return self.likeness.familiarity

    @property
    def is_familiar(self) -> bool:
        """Whether it is like what the model was trained on."""
        return self.likeness.familiarity >= UNFAMILIAR

    @property
    def ceiling(self) -> float:
        """What its probability is multiplied by: the base rate, where it is unfamiliar.

        The order of places stays, and no probability is above the base rate.
        """
        return 1.0 if self.is_familiar else self.likeness.base_rate

    @property
    def summary(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "name": self.name,
            "familiarity": round(self.familiarity, 4),
            "nearest": [
                {"text": text, "similarity": round(similarity, 3)}
                for text, similarity in self.likeness.nearest
            ],
        }


@dataclass(frozen=True)
class QueryFamiliarity:
    """How familiar a query is: as its least familiar wording or recording.

    Attributes:
        terms: every wording and recording, wanted or not.
        model: name of the model that was asked.
    """

    terms: tuple[TermFamiliarity, ...]
    model: str

    @property
    def least(self) -> TermFamiliarity:
        """The least familiar part."""
        return min(self.terms, key=lambda term: term.familiarity)

    @property
    def is_familiar(self) -> bool:
        """Whether all of it is like what the model was trained on."""
        return self.least.is_familiar

    @property
    def statement(self) -> str:
        """What is unfamiliar, in a sentence; empty where nothing is."""
        strange = [term for term in self.terms if not term.is_familiar]
        if not strange:
            return ""
        verb = "is" if len(strange) == 1 else "are"
        likeness = self.least.likeness
        near = " and ".join(f"{text} ({like:.2f})" for text, like in likeness.nearest) or "nothing"
        return (
            f"{_listed([term.name for term in strange])} {verb} unlike anything that {self.model} "
            f"has learnt (nearest: {near}): drawn pale, and held below the base rate of what it "
            f"knows, {likeness.base_rate:.2g}"
        )

    @property
    def badge(self) -> str:
        """The same in a few words, for pictures; empty where all is familiar."""
        return "" if self.is_familiar else "unlike anything that the model has learnt"

    @property
    def summary(self) -> dict[str, Any]:
        """What :attr:`tag` says, JSON-ready."""
        return {
            "familiarity": round(self.least.familiarity, 4),
            "is_familiar": self.is_familiar,
            "nearest": self.least.summary["nearest"],
            "statement": self.statement,
            "terms": [term.summary for term in self.terms],
        }

    @property
    def tag(self) -> str:
        """One line of JSON, the same in every file."""
        return json.dumps(self.summary, ensure_ascii=False)

    @classmethod
    def together(cls, several: Iterable[QueryFamiliarity | None]) -> QueryFamiliarity | None:
        """That of an answer to several queries; what is not known of some says nothing."""
        known = [one for one in several if one is not None]
        if not known:
            return None
        terms = dict.fromkeys(term for one in known for term in one.terms)
        models = dict.fromkeys(one.model for one in known)
        return cls(tuple(terms), ", ".join(models))


@dataclass(frozen=True, eq=False)
class Familiarity:
    """What a model was trained on, as its towers see it; see the module.

    Attributes:
        phrases: that training captions hold, the most frequent first.
        texts: ``(phrases, features)`` of the text tower, of unit length.
        sounds: ``(n, features)`` of the audio tower for training recordings, of unit length.
        sound_phrases: ``(n,)`` which phrase the caption of each of these holds, -1 for none.
        held_out_texts: quantiles, evenly from 0 to 1, of how near held-out captions are.
        held_out_sounds: of how much of held-out recordings the known ones hold.
        base_rate: share of recordings that hold the median phrase.
        weights: fingerprint of the model's, see :func:`psm.checkpoints.weights_fingerprint`.
    """

    phrases: tuple[str, ...]
    texts: Float[Tensor, "phrases features"]
    sounds: Float[Tensor, "n features"]
    sound_phrases: Int[Tensor, " n"]
    held_out_texts: Float[Tensor, " quantiles"]
    held_out_sounds: Float[Tensor, " quantiles"]
    base_rate: float
    weights: str

    def of_texts(self, features: Float[Tensor, "m features"]) -> list[Likeness]:
        """How familiar texts are.

        Args:
            features: of the text tower.
        """
        near = cosines(features, self.texts)
        everything = torch.arange(len(self.phrases))
        levels = near.amax(1) + ROUNDING
        return [
            self._likeness(row, everything, level, self.held_out_texts)
            for row, level in zip(near, levels.tolist(), strict=True)
        ]

    def of_sounds(self, features: Float[Tensor, "m features"]) -> list[Likeness]:
        """How familiar recordings are; they are named by the phrases of the nearest ones.

        Args:
            features: of the audio tower.
        """
        near = cosines(features, self.sounds)
        levels = self._span.holds(features)
        return [
            self._likeness(row, self.sound_phrases, level, self.held_out_sounds)
            for row, level in zip(near, levels.tolist(), strict=True)
        ]

    @cached_property
    def _span(self) -> Span:
        return Span.of(self.sounds)

    def _likeness(
        self,
        near: Float[Tensor, " n"],
        phrases: Int[Tensor, " n"],
        level: float,
        held_out: Float[Tensor, " quantiles"],
    ) -> Likeness:
        levels = np.linspace(0.0, 1.0, len(held_out))
        order = near.argsort(descending=True, stable=True)
        share = np.interp(level, held_out.numpy(), levels)
        named: dict[int, float] = {}
        for at in order[phrases[order] >= 0].tolist():
            phrase = int(phrases[at])
            alike = self.texts[list(named)] @ self.texts[phrase]
            if not bool((alike >= _ALIKE).any()):
                named[phrase] = float(near[at])
            if len(named) == _NEAREST:
                break
        nearest = tuple((self.phrases[phrase], like) for phrase, like in named.items())
        return Likeness(float(share), nearest, self.base_rate)

    def save(self, folder: Path) -> Path:
        """Write ``familiarity.safetensors`` into a model folder; complete or absent."""
        about = {
            "version": _VERSION,
            "phrases": self.phrases,
            "base_rate": self.base_rate,
            "weights": self.weights,
        }
        tensors = {name: getattr(self, name) for name in _TENSORS}
        tensors |= {name: rounded(tensors[name]) for name in _ROUNDED}
        return write_tensors(folder / FILE_NAME, tensors, about)

    @classmethod
    def load(cls, folder: Path) -> Familiarity | None:
        """What a model folder holds; ``None`` where it was written before there was any.

        Raises:
            CheckpointMismatch: the file is broken.
        """
        path = folder / FILE_NAME
        stored = read_tensors(path, _TENSORS, version=_VERSION)
        if stored is None:
            return None
        parts, about = stored
        parts |= {name: unit(parts[name]) for name in _ROUNDED}
        about["phrases"] = tuple(about.get("phrases", ()))
        found = built(cls, path, {**parts, **about})
        if len(found.phrases) != len(found.texts):
            raise unusable(path)
        return found


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1]
