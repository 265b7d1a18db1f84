"""Calibration fitted to held-out recordings: the choice of a curve for pairs whose answer is known.

The share of labelled pairs that match is what it is (:mod:`psm.evaluation.knownpairs`). That of
places and captions depends on how many are drawn, and says nothing about the world: the prior is a
choice, by default :data:`PRIOR`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from psm import checkpoints
from psm.calibration import Calibration, Method, ShareTerm, Task
from psm.data.corpus import Corpus
from psm.data.raking import even_weights
from psm.data.recording import Recording
from psm.earth.recaption import held_out_sounds
from psm.earth.worlds import world_of
from psm.evaluation.fitting import (
    FITS,
    Isotonic,
    Pairs,
    Platt,
    held_out,
    log_loss,
    reliability_of,
)
from psm.evaluation.knownpairs import known_pairs, phrase_gaussians
from psm.evaluation.reliability import Reliability
from psm.evaluation.sharefit import SharedPairs, fit_slopes, held_out_of_both
from psm.gallery import Base, Gallery
from psm.gaussian import Gaussian
from psm.inference.gallerymaking import (
    data_fingerprint,
    gallery_of_corpus,
    gallery_of_features,
    with_places,
)
from psm.inference.heldout import find_learnt, without_held_out
from psm.inference.split import SplitFeatures, encode_split
from psm.model import PSM

PRIOR = 0.5
"""Of captions: as likely from the place as from anywhere, so that p > 0.5 speaks for the place."""


@dataclass(frozen=True)
class CalibrationFit:
    """A calibration, and the curves that it was chosen from.

    Attributes:
        calibration: the chosen one.
        curves: reliability on pairs of cells (and sounds) not fitted to, by ``raw``, ``platt``,
            ``isotonic`` and, where shares are known, ``without share``.
        mean_errors: by the same names, how far the mean of a sound is off, where there are sounds.
    """

    calibration: Calibration
    curves: Mapping[str, Reliability]
    mean_errors: Mapping[str, float] = field(default_factory=dict)


def calibrate(
    model: PSM,
    data: Path,
    *,
    split: str = "val",
    method: Method | Literal["auto"] = "auto",
    prior: float | None = None,
    base: Base | Literal["auto"] = "auto",
    keep: Path | None = None,
) -> tuple[CalibrationFit, Gallery]:
    """Fit a calibration to the recordings of a split that the model was not trained on.

    Args:
        model: in evaluation mode.
        data: folder of shards; their training split is the gallery, where there is one.
        split: which of them.
        method: ``auto`` takes the one with the lower log-loss on what was left out.
        prior: share of positives that probabilities are to have; see above for the default.
        base: over what probabilities are right on average, see
            :data:`psm.gallery.BASE_MEANINGS`; ``auto`` is the land, where it is known.
        keep: folder for the features of finished shards, which are not encoded again.

    Returns:
        The calibration, to be saved with :meth:`psm.calibration.Calibration.save`, the curves
        that it was chosen from, and the gallery that it goes with, to be saved before it.

    Raises:
        MissingData, CorruptShard, CorruptRecording: the shards are absent or broken.
        ConfigError: the prior is no share, there are too few recordings or cells, or the base is
            not known.
    """
    zoom = model.config.imagery.zooms[0]
    features = without_held_out(model, encode_split(model, data, split, zooms=(zoom,), keep=keep))
    silent, world = held_out_sounds(data), world_of(data)
    task, kept, pairs = known_pairs(model, features, zoom, silent, world)
    gallery = with_places(model, _gallery(model, data, features), features, zoom)
    known: Base = "land" if "land" in gallery.weights else "archives"
    of = known if base == "auto" else base
    gallery.effective_size(of)  # refuses what it does not know
    found = fit(
        model, kept, pairs, task=task, split=split, method=method, prior=prior,
        gallery=gallery, base=of, silent=silent,
        queries=phrase_gaussians(model, silent, world) if task == "sounds" else None,
    )  # fmt: skip
    return found, gallery


def _gallery(model: PSM, data: Path, features: SplitFeatures) -> Gallery:
    """Of the training recordings beside the split, else of the split itself."""
    config = model.config
    has_training = any(data.glob("train-*.tar")) and not config.reference
    if not has_training:
        return gallery_of_features(model, features)
    learnt = Corpus.load(
        data, "train", zooms=(), view_px=config.imagery.view_px, memory_gb=0.0,
        found=find_learnt(model, data, "train"),
    )  # fmt: skip
    return gallery_of_corpus(model, learnt)


def fit(
    model: PSM,
    recordings: Sequence[Recording],
    pairs: Pairs,
    *,
    task: Task,
    split: str,
    method: Method | Literal["auto"] = "auto",
    prior: float | None = None,
    gallery: Gallery | None = None,
    base: Base = "archives",
    silent: Sequence[str] = (),
    queries: Gaussian | None = None,
) -> CalibrationFit:
    """Choose and fit a curve to ``pairs`` of ``recordings``; see :func:`calibrate`.

    ``queries`` are what recordings are paired with, one after the other; by default the phrases of
    the sounds that labels are not ``silent`` about.

    Captions show how much likelier they are from their own place than from others, at a prior of a
    half: that is what the share is multiplied by, and needs no fit. A prior that is asked for, or a
    curve that is no sigmoid, leaves the share of captions out.
    """
    if task == "pairs":
        is_plain = gallery is None or prior is not None or method == "isotonic"
        pairs = pairs.with_prior(PRIOR if prior is None else prior)
        chosen = _without_share(model, pairs, method if is_plain else "platt")
        term = None if gallery is None or is_plain else _as_they_are(chosen, gallery, base)
    else:
        if gallery is not None and base == "land":
            weight = even_weights(recordings)
            pairs = replace(pairs, weight=np.repeat(weight, len(pairs) // len(weight)))
        pairs = pairs.with_prior(pairs.prior if prior is None else prior)
        chosen, term = _without_share(model, pairs, method), None
        if gallery is not None:
            asked = phrase_gaussians(model, silent) if queries is None else queries
            chosen, term = _with_share(asked, pairs, method, gallery, base, chosen)
    return CalibrationFit(
        Calibration(
            schema_version=1 if term is None else 2,
            method=chosen.method,
            **chosen.curve.parameters(),
            task=task,
            prior=pairs.prior,
            data=data_fingerprint(recordings),
            split=split,
            recordings=len(recordings),
            pairs=len(pairs),
            cells=len(np.unique(pairs.cell)),
            ece={name: reliability_of(p, pairs).ece for name, p in chosen.predicted.items()},
            log_loss={name: log_loss(p, pairs) for name, p in chosen.predicted.items()},
            weights=checkpoints.weights_fingerprint(model),
            share=term,
        ),
        {name: reliability_of(p, pairs) for name, p in chosen.predicted.items()},
        chosen.mean_errors,
    )


@dataclass(frozen=True)
class _Chosen:
    """A curve, and what it and others predicted where they were not fitted to."""

    method: Method
    curve: Platt | Isotonic
    predicted: Mapping[str, np.ndarray]
    mean_errors: Mapping[str, float] = field(default_factory=dict)


def _without_share(model: PSM, pairs: Pairs, method: Method | Literal["auto"]) -> _Chosen:
    scale, shift = model.negative_scale.double(), model.shift.double()
    raw = torch.sigmoid(shift.cpu() - scale.cpu() * torch.from_numpy(pairs.distance)).numpy()
    predicted = {"raw": raw, **{name: held_out(pairs, name) for name in FITS}}
    best = _best(predicted, pairs, method)
    return _Chosen(best, FITS[best](pairs), predicted)


def _with_share(
    queries: Gaussian,
    pairs: Pairs,
    method: Method | Literal["auto"],
    gallery: Gallery,
    base: Base,
    plain: _Chosen,
) -> tuple[_Chosen, ShareTerm]:
    """The curve of sounds whose shares are known; its slope is fitted too."""
    heard = [gallery.heard(queries, of).log_odds.numpy() for of in gallery.weights]
    number = np.arange(len(pairs)) % len(queries.mean)  # see known_pairs
    shared = SharedPairs(pairs, number, np.stack(heard, axis=1))
    predicted = {
        "raw": plain.predicted["raw"],
        "without share": plain.predicted[plain.method],
        **{name: held_out_of_both(shared, name) for name in FITS},
    }
    best = _best(predicted, pairs, method)
    slopes = fit_slopes(shared)
    errors = {name: shared.mean_error(p) for name, p in predicted.items()}
    chosen = _Chosen(best, FITS[best](shared.shifted(slopes)), predicted, errors)
    return chosen, _term(gallery, base, dict(zip(gallery.weights, slopes.tolist(), strict=True)))


def _as_they_are(chosen: _Chosen, gallery: Gallery, base: Base) -> ShareTerm:
    """The share of captions: its log-odds are added to those of the curve as they are."""
    curve = chosen.curve
    assert isinstance(curve, Platt)
    return _term(gallery, base, {base: 1.0 / curve.negative_scale})


def _term(gallery: Gallery, base: Base, slopes: dict[Base, float]) -> ShareTerm:
    return ShareTerm(
        base=base,
        slopes=slopes,
        gallery=gallery.fingerprint,
        recordings=len(gallery),
        effective=gallery.effective_size(base),
    )


def _best(
    predicted: Mapping[str, np.ndarray], pairs: Pairs, method: Method | Literal["auto"]
) -> Method:
    if method != "auto":
        return method
    loss = {name: log_loss(predicted[name], pairs) for name in FITS}
    return "isotonic" if loss["isotonic"] < loss["platt"] else "platt"
