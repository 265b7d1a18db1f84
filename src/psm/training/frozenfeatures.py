"""Features of a frozen audio tower: of each recording once, and kept beside the data.

A tower that does not learn says the same of a recording in every epoch. What it says is written in
parts as it comes, so that a training that was killed goes on from there, and the next one, of
another seed or recipe, finds it done. A part is named by the tower, by how it is asked, and by the
shards; whatever else lies in the folder is somebody else's.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from psm.checkpoints import hash_tensors
from psm.data.corpus import Corpus
from psm.data.ondisk import MelsOnDisk
from psm.data.tars import MemberIndex
from psm.errors import CacheNotKept, OutputError
from psm.files import atomic_path, require_folder
from psm.model import PSM
from psm.oserrors import one_line
from psm.progress import track
from psm.training import distributed

FOLDER_NAME = "features"
_VERSION = 1
"""Changes whenever the same tower and shards would give other features."""
_PART = 256
_BATCH_VALUES = 2**21


def cached_audio_features(model: PSM, corpus: Corpus, *, by_set: bool) -> Tensor | None:
    """Features of all recordings where the audio tower is frozen; ``None`` where it learns.

    Args:
        model: the tower computes where the model is.
        corpus: a split; features are kept beside its shards, if it is read from there.
        by_set: of each set of windows that training may draw, ``(n, sets, features)``, instead of
            all windows as evaluation hears them, ``(n, features)``.

    Warns:
        CacheNotKept: they cannot be written there, and will be computed again the next time.
    """
    if not model.config.audio_tower.frozen:
        return None
    size = len(corpus)
    starts = list(range(0, size, _PART))
    keep = _Kept.of(model, corpus, by_set)
    parts: dict[int, Tensor] = {}
    # Every rank begins elsewhere, and finds there what the others have written meanwhile.
    first = len(starts) * distributed.rank() // distributed.world_size()
    for start in track(starts[first:] + starts[:first], "encoding sound", len(starts)):
        rows = slice(start, min(size, start + _PART))
        kept = None if keep is None else keep.read(start, rows.stop - start)
        if kept is None:
            kept = torch.cat(list(_encoded(model, corpus, rows, by_set)))
            if keep is not None and not keep.write(start, kept):
                keep = None
        parts[start] = kept
    return torch.cat([parts[start] for start in starts])


@torch.inference_mode()
def _encoded(model: PSM, corpus: Corpus, rows: slice, by_set: bool) -> Iterator[Tensor]:
    """Features of some recordings, a batch at a time, on the CPU."""
    model.audio.eval()
    windows, frames, bands = corpus.mels.shape[1:]
    together = model.audio.windows if by_set and windows >= model.audio.windows else windows
    sets = windows // together
    step = max(1, _BATCH_VALUES // (windows * frames * bands))
    for start in range(rows.start, rows.stop, step):
        mels = torch.from_numpy(corpus.mels[start : min(rows.stop, start + step)])
        split = mels[:, : sets * together].reshape(-1, together, frames, bands)
        features = model.audio_features(split.to(model.device)).cpu()
        yield features.view(len(mels), sets, -1) if by_set else features


class _Kept:
    """Parts on disk, in a folder beside the shards."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of(cls, model: PSM, corpus: Corpus, by_set: bool) -> _Kept | None:
        """Where the features of a split are kept; ``None`` for one that has no shards."""
        if not isinstance(corpus.mels, MelsOnDisk):
            return None
        members = corpus.mels.members
        settings = [_VERSION, by_set, model.computes_in, _settings(model), _shards(members)]
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
        hash_tensors(digest, model.audio.state_dict())
        return cls(members.paths[0].parent / FOLDER_NAME / f"audio-{digest.hexdigest()[:16]}")

    def read(self, start: int, rows: int) -> Tensor | None:
        """A part; ``None`` where it is absent or broken."""
        try:
            values = np.load(self._path(start), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        is_whole = values.dtype == np.float32 and len(values) == rows
        return torch.from_numpy(values) if is_whole and np.isfinite(values).all() else None

    def write(self, start: int, part: Tensor) -> bool:
        """Keep a part for the next time; a disk that cannot take it is said, and no error."""
        try:
            require_folder(self.folder)
            with atomic_path(self._path(start)) as aside, aside.open("wb") as stream:
                np.save(stream, part.numpy())
        except (OSError, OutputError) as problem:
            told = one_line(problem) if isinstance(problem, OSError) else str(problem)
            warnings.warn(f"{told}. Features are not kept for the next time", CacheNotKept, 2)
            return False
        return True

    def _path(self, start: int) -> Path:
        return self.folder / f"{start:07d}.npy"


def _settings(model: PSM) -> list[object]:
    config = model.config
    settings: list[object] = [config.audio_tower.model_dump(mode="json")]
    settings += [config.framing.to_json(), config.reference]
    return [*settings, "tokens"] if config.has_tokens else settings


def _shards(members: MemberIndex) -> list[list[object]]:
    """What the shards are told by: name, size and time."""
    about = [(path.name, path.stat()) for path in members.paths]
    return [[name, stat.st_size, stat.st_mtime_ns] for name, stat in about]
