"""What a training reads before it begins: whether its weights are there, and its recordings."""

from __future__ import annotations

from pathlib import Path

from psm.config import Experiment, ModelConfig
from psm.data.corpus import Corpus
from psm.data.framing import require_framed
from psm.data.holdout import find_unseen
from psm.data.ondisk import MelsOnDisk
from psm.encoders import packaged
from psm.http import hub
from psm.inference.placefeatures import require_kept
from psm.training.resuming import Splits


def require_weights(model: ModelConfig) -> None:
    """Refuse, before recordings are read, towers whose weights cannot be had.

    Raises:
        ConfigError: the hub does not answer.
        MissingExtra: they come in a package that is not installed.
    """
    for part in ("satellite", "audio_tower", "text_tower"):
        hub.require(getattr(model, part).weights, f"model.{part}.weights")
    packaged.require(model.text_tower.weights)


def find_splits(experiment: Experiment, data: Path) -> Splits:
    """Where the recordings of train and val lie, without those that show what is held out.

    Raises:
        MissingData, CorruptShard: the shards are absent or broken.
    """
    imagery, hold_out = experiment.model.imagery, experiment.training.hold_out
    tile_px = imagery.view_px * max(imagery.zooms)
    return {
        split: find_unseen(data, split, hold_out, tile_px=tile_px) for split in ("train", "val")
    }


def load_corpora(
    experiment: Experiment, data: Path, splits: Splits | None = None
) -> tuple[Corpus, Corpus]:
    """The training split at every zoom, and the validation split at the first.

    Raises:
        MissingData, CorruptShard: the shards are absent or broken.
        ConfigError: their sound is framed for another model, or their features are of another kind.
    """
    require_kept(experiment.model, data)
    splits = splits or find_splits(experiment, data)
    for members, _ in splits.values():  # before anything is decoded
        require_framed(data, MelsOnDisk(members).shape, experiment.model.audio)
    imagery, memory_gb = experiment.model.imagery, experiment.training.memory_gb
    training, validation = (
        Corpus.load(
            data,
            split,
            zooms=zooms,
            view_px=imagery.view_px,
            memory_gb=memory_gb,
            with_mels=not experiment.model.audio_tower.frozen,
            found=splits[split],
        )
        for split, zooms in (("train", imagery.zooms), ("val", imagery.zooms[:1]))
    )
    return training, validation
