"""Judging of adaptation: how well recordings of places that were not learnt from are matched.

The start and everything that was learnt are asked the same of the same recordings, fold by fold, so
that a difference is paired. What a fold's model is (which recipe, after how many steps) is chosen
by the other folds alone: no fold flatters its own choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.stats import rankdata

from psm.adaptation.placefolds import PlaceFolds
from psm.adaptation.recipe import Learns
from psm.evaluation.fitting import Pairs, held_out, reliability_of
from psm.evaluation.intervals import CellBootstrap, Interval
from psm.gaussian import Gaussian, csd
from psm.ranks import tied_ranks

DIRECTIONS = {
    "location → sound": ("location", "audio"),
    "sound → location": ("audio", "location"),
    "image → sound": ("image", "audio"),
    "caption → location": ("text", "location"),
}
"""Who asks, and what is ranked; the location is told place, month and hour."""

_CHOSEN_BY = ("location → sound", "sound → location", "caption → location")
_LEAST_LABELLED = 5  # recordings with a label, and without, for its AUC

Encoded = Mapping[str, Gaussian]


@dataclass(frozen=True)
class Choice:
    """What was learnt, and for how long; ``None`` learns nothing: the start stays."""

    learns: Learns
    step: int


START = None
Outcomes = Mapping[Choice | None, Sequence[Encoded]]
"""Gaussians of the recordings of each fold, by what its model had learnt."""


@dataclass(frozen=True, eq=False)
class Judged:
    """Scores of recordings that were not learnt from, ``(n,)`` each, in the order of the data.

    Attributes:
        standing: mean share of the other recordings of the fold that stand below the right one,
            over directions; 1 is perfect, 0.5 chance.
        hits: by direction, whether the right one is in the best tenth of its fold.
        distance: ``(n, labels)`` between location and label; without labels no columns.
    """

    standing: Float[np.ndarray, " n"]
    hits: Mapping[str, Float[np.ndarray, " n"]]
    distance: Float[np.ndarray, "n labels"]

    @classmethod
    def of(cls, folds: PlaceFolds, encoded: Sequence[Encoded]) -> Judged:
        """The scores of what each fold's model says of the recordings of that fold."""
        size = len(folds.fold)
        standing, hits = np.zeros(size), {name: np.zeros(size) for name in DIRECTIONS}
        labels = len(encoded[0]["label"].mean) if "label" in encoded[0] else 0
        distance = np.zeros((size, labels))
        for number, known in enumerate(encoded):
            rows = folds.judged(number)
            for name, (query, gallery) in DIRECTIONS.items():
                ranks = tied_ranks(known[query], known[gallery])
                hits[name][rows] = ranks.hit_share()
                if name in _CHOSEN_BY:
                    others = max(1, len(rows) - 1)
                    standing[rows] += (1.0 - (ranks.rank - 1.0) / others) / len(_CHOSEN_BY)
            if labels:
                distance[rows] = csd(known["location"], known["label"]).double().numpy()
        return cls(standing, hits, distance)

    def rows(self, index: Int[np.ndarray, " some"]) -> Judged:
        """The scores of some recordings."""
        hits = {name: values[index] for name, values in self.hits.items()}
        return Judged(self.standing[index], hits, self.distance[index])


@dataclass(frozen=True, eq=False)
class Verdict:
    """What adaptation came to.

    Attributes:
        choice: what the model is to learn from all recordings; ``None`` where it stays as it was.
        before, after: scores of the start, and of what the folds learnt, each by the choice of the
            other folds.
        gains: mean gain in standing of every choice, by which it was made.
    """

    choice: Choice | None
    before: Judged
    after: Judged
    gains: Mapping[Choice, float]


def judge(folds: PlaceFolds, outcomes: Outcomes) -> Verdict:
    """Choose what the model is to learn, and score it where the choice did not look.

    Something is chosen if its gain is larger than the standard error of that gain over sites, and
    no fold alone decides: nobody is to get a worse model than the one that he had.

    Args:
        folds: of the recordings.
        outcomes: of the start and of every choice.
    """
    judged = {choice: Judged.of(folds, encoded) for choice, encoded in outcomes.items()}
    before = judged.pop(START)
    gains = {
        choice: one.standing - before.standing
        for choice, one in judged.items()
        if choice is not None
    }
    parts = []
    for number in range(len(folds)):
        others = folds.fold != number
        best = _best({choice: gain[others] for choice, gain in gains.items()}, folds.site[others])
        rows = folds.judged(number)
        parts.append((rows, (before if best is None else judged[best]).rows(rows)))
    choice = _best(gains, folds.site)
    means = {choice: float(gain.mean()) for choice, gain in gains.items()}
    return Verdict(choice, before, _joined(parts), means)


def _best(
    gains: Mapping[Choice, Float[np.ndarray, " n"]], site: Int[np.ndarray, " n"]
) -> Choice | None:
    """The choice with the largest gain, where that is more than its standard error over sites."""
    best = max(gains, key=lambda choice: float(gains[choice].mean()))
    spread = float(np.nanstd(CellBootstrap(site.tolist(), draws=500).means(gains[best])))
    return best if float(gains[best].mean()) > spread else None


def _joined(parts: Sequence[tuple[Int[np.ndarray, " some"], Judged]]) -> Judged:
    order = np.argsort(np.concatenate([rows for rows, _ in parts]))
    every = [one for _, one in parts]
    return Judged(
        np.concatenate([one.standing for one in every])[order],
        {name: np.concatenate([one.hits[name] for one in every])[order] for name in DIRECTIONS},
        np.concatenate([one.distance for one in every])[order],
    )


@dataclass(frozen=True)
class Score:
    """A score before and after, with 95 % intervals over sites, and the paired difference."""

    name: str
    before: float
    after: float
    gain: float
    before95: Interval | None = None
    after95: Interval | None = None
    gain95: Interval | None = None

    @property
    def is_clear(self) -> bool:
        """Whether the interval of the difference leaves out zero."""
        return self.gain95 is not None and not self.gain95[0] <= 0.0 <= self.gain95[1]


def standing(folds: PlaceFolds, verdict: Verdict) -> Score:
    """The mean standing, by which the model was chosen."""
    return _paired(folds, {"standing": (verdict.before.standing, verdict.after.standing)})[0]


def recalls(folds: PlaceFolds, verdict: Verdict) -> list[Score]:
    """R@10% in each direction, in galleries of one fold."""
    before, after = verdict.before.hits, verdict.after.hits
    return _paired(folds, {name: (before[name], after[name]) for name in DIRECTIONS})


def _paired(
    folds: PlaceFolds,
    values: Mapping[str, tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]],
) -> list[Score]:
    draws = CellBootstrap(folds.site.tolist())
    found = []
    for name, (one, other) in values.items():
        found.append(
            Score(
                name, float(one.mean()), float(other.mean()), float((other - one).mean()),
                draws.interval(one), draws.interval(other), draws.interval(other - one),
            )
        )  # fmt: skip
    return found


def label_scores(
    folds: PlaceFolds,
    verdict: Verdict,
    names: Sequence[str],
    given: Bool[np.ndarray, "n labels"],
) -> list[Score]:
    """AUC of each label that enough recordings have: how often one that has it stands before one of
    the same fold that has others."""
    found = []
    labelled = np.asarray(
        given.any(axis=1)
    )  # of a recording without any label nobody says what it holds
    for column, name in enumerate(names):
        has = given[:, column]
        if min(int(has.sum()), int((labelled & ~has).sum())) < _LEAST_LABELLED:
            continue
        pair = [
            _auc(folds, -one.distance[:, column], has, labelled)
            for one in (verdict.before, verdict.after)
        ]
        if None not in pair:
            before, after = (float(value) for value in pair if value is not None)
            found.append(Score(name, before, after, after - before))
    return found


def _auc(
    folds: PlaceFolds,
    score: Float[np.ndarray, " n"],
    has: Bool[np.ndarray, " n"],
    counts: Bool[np.ndarray, " n"],
) -> float | None:
    """Area under the ROC curve within folds, by their pairs; ``None`` where no fold has both."""
    above, pairs = 0.0, 0
    for number in range(len(folds)):
        rows = folds.judged(number)
        rows = rows[counts[rows]]
        yes = int(has[rows].sum())
        no = len(rows) - yes
        if yes and no:
            above += rankdata(score[rows])[has[rows]].sum() - yes * (yes + 1) / 2.0
            pairs += yes * no
    return above / pairs if pairs else None


def calibration_error(
    folds: PlaceFolds, judged: Judged, given: Bool[np.ndarray, "n labels"]
) -> float:
    """ECE of the probabilities of labels by curves that were fitted to the other folds."""
    return float(reliability_of(held_out(found := pairs(folds, judged, given), "platt"), found).ece)


def pairs(folds: PlaceFolds, judged: Judged, given: Bool[np.ndarray, "n labels"]) -> Pairs:
    """Recordings and labels, whose answer is known, a row of labels for each recording."""
    labelled = given.any(1)
    count = given.shape[1]
    return Pairs(
        distance=judged.distance[labelled].ravel(),
        positive=given[labelled].ravel(),
        weight=np.ones(int(labelled.sum()) * count),
        cell=np.repeat(folds.fold[labelled], count),
    )


def stored(encoded: Encoded) -> dict[str, torch.Tensor]:
    """Gaussians as tensors of half precision, for a file."""
    return {
        f"{name}.{part}": values.half()
        for name, gaussian in encoded.items()
        for part, values in (("mean", gaussian.mean), ("log_var", gaussian.log_var))
    }


def restored(tensors: Mapping[str, torch.Tensor]) -> dict[str, Gaussian]:
    """What :func:`stored` made."""
    names = sorted({name.rpartition(".")[0] for name in tensors})
    return {
        name: Gaussian(tensors[f"{name}.mean"].float(), tensors[f"{name}.log_var"].float())
        for name in names
    }
