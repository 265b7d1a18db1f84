"""Familiarity fitted: what a model was trained on, and how near to it held-out recordings are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor

from psm.checkpoints import weights_fingerprint
from psm.data.corpus import ChosenRows, Corpus
from psm.familiarity import Familiarity
from psm.gallery import Base, Gallery
from psm.gaussian import Gaussian, csd
from psm.inference.batches import audio_features, sound_summary, text_summary
from psm.inference.heldout import find_learnt
from psm.model import PSM
from psm.seeding import generator
from psm.unitfeatures import Span, cosines

MOST_PHRASES, MOST_SOUNDS = 1024, 768
"""That are kept: with 384 features of a text and 1,920 of a recording they take 2 MB."""

_HELD_OUT = 1024  # recordings
_CANDIDATES = 2048  # phrases
_LEAST_CAPTIONS = 2  # that hold a phrase
_MOST_WORDS = 5
_LEVELS = 101
_HEARD_AUC = 0.65

_BETWEEN = re.compile(r"[,;:.!?()\[\]\"/|]+|\s[-–—]+\s|\b(?:and|with)\b")
_ARTICLES = re.compile(r"^(?:a|an|the)\s+")

Phrases = list[str]


def fit_familiarity(
    model: PSM,
    learnt: Corpus,
    held_out: Corpus,
    gallery: Gallery,
    base: Base | None = None,
) -> Familiarity | None:
    """Familiarity from training recordings and recordings that the model was not trained on.

    Args:
        model: in evaluation mode.
        learnt: the training split.
        held_out: another.
        gallery: of the model, which says how common each phrase is.
        base: of which recordings; by default the land, where the gallery knows it.

    Returns:
        What belongs beside the model's weights, or ``None`` where captions have no phrase in
        common or nothing was held out.
    """
    candidates = known_phrases([recording.caption for recording in learnt.recordings])
    if not candidates or not len(held_out):
        return None
    rows = _some(len(learnt), MOST_SOUNDS)
    held = [phrases_of(learnt.recordings[row].caption) for row in rows]
    sounds = _heard(model, learnt, rows)
    phrases = _audible(model, sounds, held, candidates)[:MOST_PHRASES]
    number = {phrase: at for at, phrase in enumerate(phrases)}
    named = [next((number[p] for p in own if p in number), -1) for own in held]
    read = _said(model, phrases)
    texts = _unit(text_summary(model, read))
    compared = sound_summary(model, sounds)
    others = _some(len(held_out), _HELD_OUT)
    captions = [held_out.recordings[row].caption for row in others]
    with torch.inference_mode():
        asked: Gaussian = model.text_head(read.to(model.device))
    of: Base = base or ("land" if "land" in gallery.weights else "archives")
    return Familiarity(
        phrases=tuple(phrases),
        texts=texts,
        sounds=_unit(compared),
        sound_phrases=torch.tensor(named),
        held_out_texts=_quantiles(
            cosines(_unit(text_summary(model, _said(model, captions))), texts).amax(1)
        ),
        held_out_sounds=_quantiles(
            Span.of(compared).holds(sound_summary(model, _heard(model, held_out, others)))
        ),
        base_rate=float(gallery.heard(asked, of).probability.median()),
        weights=weights_fingerprint(model),
    )


def fit_from_shards(
    model: PSM, data: Path, split: str, gallery: Gallery, base: Base | None = None
) -> Familiarity | None:
    """Familiarity from the training split and another of a folder of shards.

    Args:
        model: as loaded from its folder; what it held out in training is left out here too.
        data: folder of the shards that it was trained on.
        split: that it was not trained on.
        gallery, base: see :func:`fit_familiarity`.

    Returns:
        As :func:`fit_familiarity`; ``None`` too where nothing was held out or there is no training
        split, and for an imported model, which was trained on other recordings.

    Raises:
        MissingData, CorruptShard: the shards are absent or broken.
    """
    has_both = split != "train" and any(data.glob("train-*.tar"))
    if model.config.reference or not has_both:
        return None
    learnt, held_out = (
        Corpus.load(
            data, name, zooms=(), view_px=model.config.imagery.view_px, memory_gb=0.0,
            found=find_learnt(model, data, name),
        )
        for name in ("train", split)
    )  # fmt: skip
    return fit_familiarity(model, learnt, held_out, gallery, base)


def phrases_of(caption: str) -> Phrases:
    """The parts of a caption between its commas, full stops and conjunctions, in lower case.

    Example:
        >>> phrases_of("A dog barking and distant thunder, Vienna.")
        ['dog barking', 'distant thunder', 'vienna']
    """
    parts = (" ".join(part.split()) for part in _BETWEEN.split(caption.lower()))
    return [phrase for part in parts if (phrase := _ARTICLES.sub("", part))]


def known_phrases(captions: Sequence[str], most: int = _CANDIDATES) -> Phrases:
    """Short phrases that several captions hold, the most frequent first.

    Args:
        captions: of training recordings.
        most: how many.
    """
    counts = Counter(phrase for caption in captions for phrase in set(phrases_of(caption)))
    order = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [
        phrase
        for phrase, count in order
        if count >= _LEAST_CAPTIONS and len(phrase.split()) <= _MOST_WORDS
    ][:most]


def _audible(model: PSM, sounds: Tensor, held: Sequence[Phrases], candidates: Phrases) -> Phrases:
    """The candidates that say something of the sound: "in this recording" does not.

    Of a phrase that does, the model hears in which recordings it was written: they are nearer to it
    than the others, by the area under the ROC curve. A phrase that few of them hold has the benefit
    of the doubt: two standard deviations of chance (Mann & Whitney 1947).
    """
    with torch.inference_mode():
        asked: Gaussian = model.text_head(_said(model, candidates).to(model.device))
        recordings: Gaussian = model.audio_head(sounds.to(model.device))
        distance = csd(recordings, asked).cpu().numpy()
    sets = [set(own) for own in held]
    kept = []
    for column, phrase in enumerate(candidates):
        positive = np.array([phrase in own for own in sets])
        count, others = int(positive.sum()), int((~positive).sum())
        above = rankdata(-distance[:, column])[positive].sum() - count * (count + 1) / 2
        doubt = 2.0 / np.sqrt(12.0 * max(count, 1))
        if above >= (_HEARD_AUC - doubt) * count * others:
            kept.append(phrase)
    return kept or candidates  # a model that hears nothing can still be told what it read


def _some(size: int, most: int) -> NDArray[np.int64]:
    rng = generator(0, "familiarity")
    return np.sort(rng.permutation(size)[:most])


def _said(model: PSM, texts: Sequence[str]) -> Float[Tensor, "n features"]:
    with torch.inference_mode():
        return model.text_features(texts).float().cpu()


def _heard(model: PSM, corpus: Corpus, rows: NDArray[np.int64]) -> Float[Tensor, "n features"]:
    return audio_features(model, ChosenRows(corpus.mels, rows), "familiarity").float().cpu()


def _unit(features: Tensor) -> Tensor:
    return torch.nn.functional.normalize(features.float().cpu(), dim=-1)


def _quantiles(near: Float[Tensor, " n"]) -> Float[Tensor, " levels"]:
    return near.quantile(torch.linspace(0.0, 1.0, _LEVELS))
