"""Judging: nothing is chosen that only chance favours, and no fold flatters its own choice."""

from __future__ import annotations

import numpy as np
import torch

from psm.adaptation.judging import (
    START,
    Choice,
    Encoded,
    judge,
    label_scores,
    recalls,
    restored,
    stored,
)
from psm.adaptation.placefolds import PlaceFolds
from psm.gaussian import Gaussian
from psm.seeding import generator

SIZE, FOLDS, DIM, LABELS = 120, 4, 8, 3
HEADS = Choice("heads", 10)


def folds() -> PlaceFolds:
    site = np.arange(SIZE) // 3
    fold = site % FOLDS
    return PlaceFolds(fold, site, np.arange(FOLDS)[:, None] != fold, 10.0, 10.0)


def encoded(noise: float, seed: int = 0, of: PlaceFolds | None = None) -> list[Encoded]:
    """Locations, sounds and captions of the same recordings, each so far off the right place."""
    rng = generator(seed, "judging")
    truth = rng.normal(size=(SIZE, DIM))
    labels = rng.normal(size=(LABELS, DIM))
    found: list[Encoded] = []
    for number in range(FOLDS):
        rows = (of or folds()).judged(number)
        found.append({
            name: gaussian(truth[rows] + noise * generator(seed, name, number).normal(
                size=(len(rows), DIM)))
            for name in ("location", "image", "audio", "text")
        } | {"label": gaussian(labels)})  # fmt: skip
    return found


def gaussian(mean: np.ndarray) -> Gaussian:
    unit = torch.from_numpy(mean / np.linalg.norm(mean, axis=-1, keepdims=True)).float()
    return Gaussian(unit, torch.full_like(unit, -6.0))


def test_what_gains_is_chosen() -> None:
    verdict = judge(folds(), {START: encoded(3.0), HEADS: encoded(0.5)})
    assert verdict.choice == HEADS
    assert verdict.gains[HEADS] > 0.1
    first = recalls(folds(), verdict)[0]
    assert first.is_clear
    assert first.after > first.before + 0.2


def test_what_does_not_gain_leaves_the_start() -> None:
    verdict = judge(folds(), {START: encoded(0.5), HEADS: encoded(3.0)})
    assert verdict.choice is None
    assert np.array_equal(verdict.after.standing, verdict.before.standing)
    assert all(score.gain == 0.0 and not score.is_clear for score in recalls(folds(), verdict))


def test_a_gain_of_chance_is_seldom_taken() -> None:
    taken = [
        judge(folds(), {START: encoded(2.0, seed), HEADS: encoded(2.0, seed + 1000)}).choice
        for seed in range(20)
    ]
    assert taken.count(None) >= 10


def test_a_fold_is_scored_by_the_choice_of_the_others() -> None:
    good, bad, start = encoded(0.5), encoded(6.0), encoded(2.0)
    # One choice is good in the first fold alone, where the others would not take it.
    alone = [good[0], *bad[1:]]
    verdict = judge(folds(), {START: start, HEADS: alone})
    rows = folds().judged(0)
    assert np.array_equal(verdict.after.standing[rows], verdict.before.standing[rows])


def test_auc_is_that_of_pairs_within_folds() -> None:
    verdict = judge(folds(), {START: encoded(3.0), HEADS: encoded(0.5)})
    given = generator(1, "labels").random((SIZE, LABELS)) < 0.3  # some have no label
    names = ("a", "b", "c")
    for column, score in enumerate(label_scores(folds(), verdict, names, given)):
        near = -verdict.after.distance[:, column]
        above = pairs = 0.0
        for number in range(FOLDS):
            rows = folds().judged(number)
            rows = rows[given[rows].any(1)]
            has = given[rows, column]
            gap = near[rows][has][:, None] - near[rows][~has][None]
            above += (gap > 0).sum() + 0.5 * (gap == 0).sum()
            pairs += gap.size
        assert np.isclose(score.after, above / pairs)


def test_rare_labels_have_no_score() -> None:
    verdict = judge(folds(), {START: encoded(3.0), HEADS: encoded(0.5)})
    given = np.zeros((SIZE, LABELS), bool)
    given[:4, 0] = True
    assert label_scores(folds(), verdict, ("a", "b", "c"), given) == []


def test_what_is_kept_comes_back() -> None:
    before = encoded(1.0)[0]
    after = restored(stored(before))
    assert set(after) == set(before)
    for name in before:
        torch.testing.assert_close(after[name].mean, before[name].mean, atol=1e-3, rtol=0)
