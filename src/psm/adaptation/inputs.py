"""Inputs of adaptation: recordings, and what the towers of the model say of them before they learn.

Heads and fusion learn from features, which are computed once and kept; towers that learn read views
and log-mels themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from psm.adaptation.recipe import require_enough
from psm.data.context import Context
from psm.data.corpus import Corpus
from psm.data.framing import require_framed
from psm.data.ondisk import MelsOnDisk
from psm.data.recording import Recording
from psm.data.shards import shard_paths, shards_in
from psm.data.tars import MemberIndex
from psm.earth.phrases import QUERY_PHRASES
from psm.earth.sounds import Sound
from psm.earth.worlds import world_of
from psm.inference.batches import audio_features, image_features
from psm.inference.placefeatures import corpus_features, require_kept
from psm.model import PSM
from psm.tensorfiles import read_tensors, write_tensors
from psm.training.labels import Labels

SPLITS = ("train", "val")
"""What is learnt from; a test split is left for ``psm evaluate``."""

_VERSION = 1

Rows = NDArray[np.int64]
Found = tuple[MemberIndex, tuple[Recording, ...]]
"""Where recordings lie, and what is known of them."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """Recordings to adapt to.

    Attributes:
        corpus: their views at every zoom level, and log-mels.
        images: ``(n, dim)`` image features by zoom level.
        sounds: ``(n, sets, features)`` audio features of each set of windows.
        texts: ``(n, features)`` of their captions.
        context: place, time and sources.
        labels: of the sounds that they hold; ``None`` where nobody labelled them.
        phrases: how each label is asked for.
        label_texts: ``(labels, features)`` of these phrases.
    """

    corpus: Corpus
    images: Mapping[int, Tensor]
    sounds: Tensor
    texts: Tensor
    context: Context
    labels: Labels | None
    phrases: Mapping[str, str]
    label_texts: Tensor

    def __len__(self) -> int:
        return len(self.corpus)

    @property
    def recordings(self) -> tuple[Recording, ...]:
        """The metadata, row by row."""
        return self.corpus.recordings

    @property
    def zooms(self) -> list[int]:
        """The zoom levels, from near to far."""
        return sorted(self.images)


def find_recordings(model: PSM, data: Path) -> Found:
    """The recordings of a folder that a model may learn from.

    Raises:
        MissingData, CorruptShard: the shards are absent or broken.
        ConfigError: their sound is framed for another model, or there are too few.
    """
    paths = [*shard_paths(data, SPLITS[0]), *shards_in(data, SPLITS[1])]
    members, recordings = MemberIndex.find(paths, "reading recordings")
    require_enough(len(recordings))
    require_framed(data, MelsOnDisk(members).shape, model.config.audio)
    return members, recordings


@torch.no_grad()  # inference tensors could not be learnt from
def load_inputs(model: PSM, found: Found, data: Path, keep: Path) -> Inputs:
    """Read recordings and encode them by the towers of a model, or take what was kept of that.

    Args:
        model: that begins, in evaluation mode.
        found: by :func:`find_recordings`.
        data: the folder.
        keep: file for the features of this model and these recordings.

    Raises:
        CorruptShard: a recording cannot be read.
    """
    imagery = model.config.imagery
    require_kept(model.config, data)
    corpus = Corpus.load(data, SPLITS[0], zooms=imagery.zooms, view_px=imagery.view_px, found=found)
    labels = Labels.find(corpus.recordings)
    phrases = phrases_of(labels, corpus.recordings, world_of(data).queries)
    names = [*(f"zoom{zoom}" for zoom in imagery.zooms), "sounds"]
    kept = read_tensors(keep, names, version=_VERSION)
    if kept is None:
        features = corpus_features(model.config, corpus)
        tensors = {
            f"zoom{zoom}": image_features(
                model, corpus.views(zoom), corpus.gsd_m * zoom, f"zoom {zoom}", features=features
            )
            for zoom in imagery.zooms
        }
        tensors["sounds"] = _sounds(model, corpus)
        write_tensors(keep, tensors, {"version": _VERSION})
    else:
        tensors = kept[0]
    return Inputs(
        corpus=corpus,
        images={zoom: tensors[f"zoom{zoom}"].clone() for zoom in imagery.zooms},
        sounds=tensors["sounds"].clone(),
        texts=model.text_features([r.caption for r in corpus.recordings]).clone(),
        context=Context.of_recordings(corpus.recordings),
        labels=labels,
        phrases=phrases,
        label_texts=model.text_features([*phrases.values()]).clone() if phrases else torch.empty(0),
    )


def phrases_of(
    labels: Labels | None,
    recordings: Sequence[Recording],
    known: Mapping[Sound, str] = QUERY_PHRASES,
) -> dict[str, str]:
    """How each label is asked for.

    A sound of a simulated world has a phrase of its own; any other label, as the scientific name
    of a species, is asked as the captions of recordings that hold it alone say it, where they hold
    the label; else as it stands.
    """
    told: Mapping[str, str] = {str(sound): text for sound, text in known.items()}
    found = {}
    for name in () if labels is None else labels.names:
        captions = Counter(r.caption for r in recordings if r.sounds == (name,))
        said = min(captions, key=lambda text: (-captions[text], text), default="")
        own = said if name.casefold() in said.casefold() else name.replace("_", " ")
        found[name] = told.get(name, own)
    return found


def _sounds(model: PSM, corpus: Corpus) -> Tensor:
    """Audio features of each set of windows that belong together, ``(n, sets, features)``."""
    windows = corpus.mels.shape[1]
    together = model.audio.windows if windows >= model.audio.windows else windows
    sets = [
        audio_features(model, _Windows(corpus, first, together), "sound")
        for first in range(0, windows - together + 1, together)
    ]
    return torch.stack(sets, dim=1)


@dataclass(frozen=True)
class _Windows:
    """Some windows of every recording, as :class:`psm.data.corpus.Rows`."""

    corpus: Corpus
    first: int
    count: int

    @property
    def shape(self) -> tuple[int, ...]:
        rows, _, *rest = self.corpus.mels.shape
        return (rows, self.count, *rest)

    def __len__(self) -> int:
        return len(self.corpus)

    def __getitem__(self, index: slice, /) -> np.ndarray:
        return self.corpus.mels[index][:, self.first : self.first + self.count]
