"""Batches of training recordings, drawn and augmented by seed, epoch and step alone, and loaded.

Any step can be the first, in any process: that is what lets a killed run go on as if nothing had
happened, and several processes read parts of one batch.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from psm.data.audio import AudioConfig
from psm.data.augmentation import AudioAugmentation
from psm.data.context import Context
from psm.data.corpus import Corpus
from psm.errors import ConfigError, PSMError
from psm.model import PSM
from psm.seeding import generator
from psm.training.augmentation import Augmenter
from psm.training.labels import Labels

_MOST_WORKERS = 8


@dataclass(frozen=True)
class Batch:
    """One training batch; ``mel`` and ``text`` hold features where the tower is frozen.

    ``labels`` are those of the joint batch of all ranks, whose Gaussians the loss sees;
    ``features`` of the places those of :mod:`psm.inference.placefeatures`, for models that read
    some.
    """

    views: UInt8[Tensor, "batch 3 size size"]
    gsd_m: Float[Tensor, " batch"]
    context: Context
    mel: Float[Tensor, "batch windows frames bands"] | Float[Tensor, "batch features"]
    text: Float[Tensor, "batch features"] | list[str]
    labels: Bool[Tensor, "joint labels"] | None = None
    features: Float[Tensor, "batch numbers"] | None = None

    def __len__(self) -> int:
        return len(self.views)

    def rows(self, index: slice) -> Batch:
        """The rows at ``index``; the labels stay."""
        return Batch(
            self.views[index],
            self.gsd_m[index],
            self.context.rows(index),
            self.mel[index],
            self.text[index],
            self.labels,
            None if self.features is None else self.features[index],
        )

    def to(self, device: torch.device) -> Batch:
        """The same on another device."""
        text = self.text.to(device) if isinstance(self.text, Tensor) else self.text
        return Batch(
            self.views.to(device),
            self.gsd_m.to(device),
            self.context.to(device),
            self.mel.to(device),
            text,
            None if self.labels is None else self.labels.to(device),
            None if self.features is None else self.features.to(device),
        )


class BatchStream(Dataset[Batch]):
    """A rank's part of every batch of one epoch, by index; set ``epoch`` before each pass.

    The parts of all ranks together are the batch of a single process. Training reads random zooms
    and flips of the views and augmented recordings, each row drawn anew every epoch, and of
    recordings with more windows than the audio tower takes, one set. The last rows that do not fill
    a batch wait for the next shuffle. A batch depends on nothing read before it: any step can be
    the first, in any process, and a corpus on disk is shuffled as one in memory is.

    Args:
        corpus: the training split.
        text: cached text features, or ``None`` where the text tower learns.
        sound: features of each set of windows, or ``None`` where the audio tower learns; without
            log-mels there is nothing to augment.
        batch_size: rows a batch, all ranks together.
        seed: names the stream of randomness.
        rank: which part of the batch to read.
        world_size: how many parts there are.
        windows: of sound that belong together, see :class:`psm.encoders.audioencoding.AudioTower`.
        augmenter: varies the log-mels; by default a little.
        labels: of the recordings, where the loss names them.
        features: of all places, where the model reads some.

    Raises:
        ConfigError: the batch does not divide among the ranks.

    Attributes:
        on_disk: whether reading takes long enough to be worth processes of its own.
    """

    def __init__(
        self,
        corpus: Corpus,
        text: Tensor | None,
        *,
        sound: Tensor | None = None,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        windows: int = 1,
        augmenter: Augmenter | None = None,
        labels: Labels | None = None,
        features: Float[np.ndarray, "n numbers"] | None = None,
    ) -> None:
        if batch_size % world_size or len(corpus) < world_size:
            raise ConfigError(
                f"training.batch_size {batch_size} of {len(corpus)} recordings does not divide "
                f"among {world_size} processes: choose a multiple of {world_size}"
            )
        self.corpus = corpus
        self.text = text
        self.sound = sound
        self.context = Context.of_recordings(corpus.recordings)
        self.batch_size = min(batch_size, len(corpus) // world_size * world_size)
        self.seed = seed
        self.windows = windows
        self.labels = labels
        self.features = None if features is None else torch.from_numpy(features)
        self.augmenter = augmenter or Augmenter(AudioAugmentation(), AudioConfig())
        self.on_disk = corpus.on_disk
        self.epoch = 0
        self.rank = rank
        self.world_size = world_size
        self.zooms = sorted(corpus.views_by_zoom)
        self._gsd_m = corpus.gsd_m

    def __len__(self) -> int:
        return len(self.corpus) // self.batch_size

    def __getitem__(self, step: int) -> Batch:
        if step >= len(self):
            raise IndexError(step)
        order = generator(self.seed, "order", self.epoch).permutation(len(self.corpus))
        # Everything is drawn for the joint batch: a row is the same whichever rank reads it.
        joint = order[step * self.batch_size : (step + 1) * self.batch_size]
        rng = generator(self.seed, "augment", self.epoch, step)
        zooms = rng.choice(self.zooms, size=len(joint))
        turns = rng.random((3, len(joint))) < 0.5
        # Of it, this rank reads its own rows alone.
        size = len(joint) // self.world_size
        own = slice(self.rank * size, (self.rank + 1) * size)
        rows, zoom = joint[own], zooms[own]
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
            views=torch.from_numpy(_turn(views, turns[:, own])).permute(0, 3, 1, 2),
            gsd_m=torch.from_numpy(self._gsd_m[rows] * zoom).float(),
            context=self.context.rows(index),
            mel=self._heard(joint, own, step, rng),
            text=text,
            labels=None if self.labels is None else self.labels.of_recordings[joint],
            features=None if self.features is None else self.features[index],
        )

    def _windows(self, step: int) -> np.ndarray:
        """The first window that is drawn for each row of the joint batch."""
        sets = max(1, self.corpus.mels.shape[1] // self.windows)
        rng = generator(self.seed, "windows", self.epoch, step)
        return self.windows * rng.integers(sets, size=self.batch_size)

    def _heard(self, joint: np.ndarray, own: slice, step: int, rng: np.random.Generator) -> Tensor:
        """Augmented log-mels of the rows ``own`` of the joint batch, or features kept of them."""
        firsts = self._windows(step)
        if self.sound is not None:
            rows, windows = joint[own], firsts[own] // self.windows
            return self.sound[torch.from_numpy(rows), torch.from_numpy(windows)]
        variation = self.augmenter.draw(rng, len(joint), *self.corpus.mels.shape[-2:]).rows(own)
        mel = self._mels(joint[own], firsts[own])
        behind = np.flatnonzero(variation.others.origin >= 0)
        others = np.zeros_like(mel) if behind.size else mel
        if behind.size:
            origin = variation.others.origin[behind]
            others[behind] = self._mels(joint[origin], firsts[origin])
        return torch.from_numpy(self.augmenter.apply(variation, mel, others))

    def _mels(self, rows: np.ndarray, firsts: np.ndarray) -> np.ndarray:
        """A set of windows of each row, and no others: those from ``firsts`` on."""
        pairs = zip(rows, firsts, strict=True)
        windows = [self.corpus.mels[row, first : first + self.windows] for row, first in pairs]
        return np.stack(windows).astype(np.float32)


def cached_text_features(model: PSM, corpus: Corpus, memory_gb: float = 8.0) -> Tensor | None:
    """Features of all captions where the text tower is frozen, so that no epoch repeats them.

    Tokens are many numbers a caption, kept in half precision; where they would take more than
    ``memory_gb`` the tower reads the captions of each batch again, and this is ``None`` too.
    """
    if not model.config.text_tower.frozen:
        return None
    captions = [recording.caption for recording in corpus.recordings]
    if not model.config.has_tokens:
        return model.text_features(captions).cpu()
    longest = max(model.text.lengths(list(set(captions))), default=0)
    if 2.0 * len(captions) * longest * (model.text.token_dim or 0) > memory_gb * 1e9:
        return None
    return model.text_features(captions).half().cpu()


def _turn(views: np.ndarray, chosen: Bool[np.ndarray, "3 rows"]) -> np.ndarray:
    # A soundscape does not depend on which way north is.
    views = views.copy()
    upside_down, mirrored, transposed = chosen
    views[upside_down] = np.flip(views[upside_down], 1)
    views[mirrored] = np.flip(views[mirrored], 2)
    views[transposed] = views[transposed].swapaxes(1, 2)
    return views


class BatchLoader:
    """The batches of one epoch after the other, each read by one of ``workers`` processes.

    Workers start when the first batch is asked for, so that they know the epoch which ``dataset``
    is set to by then; their number changes the time alone.

    Args:
        dataset: the batches.
        workers: processes; 0 reads in this one, ``None`` takes one a core, at most eight.
    """

    def __init__(self, dataset: BatchStream, workers: int | None) -> None:
        self.dataset = dataset
        self.workers = min(_cores(), _MOST_WORKERS) if workers is None else workers

    def __len__(self) -> int:
        return len(self.dataset)

    def __iter__(self) -> Iterator[Batch]:
        with warnings.catch_warnings():
            # More workers than cores can be right: some wait for the disk.
            warnings.filterwarnings("ignore", message=".*worker processes in total.*")
            loader: DataLoader[Batch] = DataLoader(
                self.dataset, batch_size=None, shuffle=False, num_workers=self.workers
            )
            batches = iter(loader)
        try:
            yield from batches
        except PSMError as problem:
            # An error of a worker comes with its traceback in front.
            kind = type(problem)
            raise kind(str(problem).rpartition(f"{kind.__name__}: ")[2].strip()) from None


def _cores() -> int:
    """Cores that this process may use, which can be fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
