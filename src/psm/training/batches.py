"""Batches for training: what is random in them depends on seed, epoch and step alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from psm.data.context import Context
from psm.data.corpus import Corpus
from psm.model import PSM
from psm.seeding import generator


@dataclass(frozen=True)
class Batch:
    """One training batch; ``text`` holds features where the text tower is frozen."""

    views: UInt8[Tensor, "batch 3 size size"]
    gsd_m: Float[Tensor, " batch"]
    context: Context
    mel: Float[Tensor, "batch windows frames bands"]
    text: Float[Tensor, "batch features"] | list[str]

    def to(self, device: torch.device) -> Batch:
        """The same on another device."""
        text = self.text.to(device) if isinstance(self.text, Tensor) else self.text
        return Batch(
            self.views.to(device),
            self.gsd_m.to(device),
            self.context.to(device),
            self.mel.to(device),
            text,
        )


class BatchStream(Dataset[Batch]):
    """All batches of one epoch, by index; set ``epoch`` before each pass.

    Training reads random zooms and flips of the views and rolls the recordings in time, each row
    drawn anew every epoch, and of recordings with more windows than the audio tower takes, one set.
    The last rows that do not fill a batch wait for the next shuffle. A batch depends on nothing
    read before it: any step can be the first, in any process, and a corpus on disk is shuffled as
    one in memory is.

    Args:
        corpus: the training split.
        text: cached text features, or ``None`` where the text tower learns.
        batch_size: rows a batch.
        seed: names the stream of randomness.
        windows: of sound that belong together, see :class:`psm.encoders.audio.AudioTower`.
    """

    def __init__(
        self,
        corpus: Corpus,
        text: Tensor | None,
        *,
        batch_size: int,
        seed: int,
        windows: int = 1,
    ) -> None:
        self.corpus = corpus
        self.text = text
        self.context = Context.of_recordings(corpus.recordings)
        self.batch_size = min(batch_size, len(corpus))
        self.seed = seed
        self.windows = windows
        self.epoch = 0
        self.zooms = sorted(corpus.views_by_zoom)
        self._gsd_m = corpus.gsd_m

    def __len__(self) -> int:
        return len(self.corpus) // self.batch_size

    def __getitem__(self, step: int) -> Batch:
        if step >= len(self):
            raise IndexError(step)
        order = generator(self.seed, "order", self.epoch).permutation(len(self.corpus))
        rows = order[step * self.batch_size : (step + 1) * self.batch_size]
        rng = generator(self.seed, "augment", self.epoch, step)
        zoom = rng.choice(self.zooms, size=len(rows))
        views = np.stack(
            [self.corpus.views_by_zoom[z][row] for z, row in zip(zoom, rows, strict=True)]
        )
        index = torch.from_numpy(rows)
        text = (
            self.text[index]
            if self.text is not None
            else [self.corpus.recordings[row].caption for row in rows]
        )
        return Batch(
            views=torch.from_numpy(_flip(views, rng)).permute(0, 3, 1, 2),
            gsd_m=torch.from_numpy(self._gsd_m[rows] * zoom).float(),
            context=self.context.rows(index),
            mel=torch.from_numpy(_vary(self._mels(rows, self._windows(step)), rng)),
            text=text,
        )

    def _windows(self, step: int) -> np.ndarray:
        """The first window that is drawn for each row of the joint batch."""
        sets = max(1, self.corpus.mels.shape[1] // self.windows)
        rng = generator(self.seed, "windows", self.epoch, step)
        return self.windows * rng.integers(sets, size=self.batch_size)

    def _mels(self, rows: np.ndarray, firsts: np.ndarray) -> np.ndarray:
        """A set of windows of each row, and no others: those from ``firsts`` on."""
        pairs = zip(rows, firsts, strict=True)
        windows = [self.corpus.mels[row, first : first + self.windows] for row, first in pairs]
        return np.stack(windows).astype(np.float32)


def cached_text_features(model: PSM, corpus: Corpus) -> Tensor | None:
    """Features of all captions where the text tower is frozen, so that no epoch repeats them."""
    if not model.config.text_tower.frozen:
        return None
    return model.text_features([recording.caption for recording in corpus.recordings])


def _flip(views: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    # A soundscape does not depend on which way north is.
    views = views.copy()
    for axis in (1, 2):
        chosen = rng.random(len(views)) < 0.5
        views[chosen] = np.flip(views[chosen], axis)
    chosen = rng.random(len(views)) < 0.5
    views[chosen] = views[chosen].swapaxes(1, 2)
    return views


def _vary(mel: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    # Rolled in time, louder or softer, coloured by another microphone, a stretch and a band masked.
    batch, _, frames, bands = mel.shape
    for row in range(batch):
        mel[row] = np.roll(mel[row], rng.integers(frames), axis=1)
        start, width = rng.integers(frames), rng.integers(frames // 8 + 1)
        mel[row, :, start : start + width] = mel[row].mean()
        start, width = rng.integers(bands), rng.integers(bands // 8 + 1)
        mel[row, :, :, start : start + width] = mel[row].mean()
    gain = rng.normal(0.0, 6.0, (batch, 1, 1, 1))
    tilt = rng.normal(0.0, 4.0, (batch, 1, 1, 1)) * np.linspace(-1.0, 1.0, bands)
    mel += (gain + tilt).astype(np.float32)
    return mel
