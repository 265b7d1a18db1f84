"""Features of the places of recordings, for models that see through them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from psm.config import ModelConfig
from psm.data.corpus import Corpus, Rows
from psm.data.recording import Recording
from psm.data.shards import shards_in
from psm.data.storedfeatures import add_features, read_note
from psm.errors import ConfigError, MissingData
from psm.features import FeatureProvider, computed, require_alike, vectors
from psm.imagery import NoImagery, Picture


def place_features(
    config: ModelConfig, recordings: Sequence[Recording], stored: Rows | None
) -> Float32[np.ndarray, "n numbers"] | None:
    """What a model reads of each place beside pixels, or instead; ``None`` where it reads nothing.

    Features that follow from the place alone are computed, all others come from the shards.

    Args:
        config: of the model.
        recordings: whose places.
        stored: what the shards hold of them, row by row.

    Returns:
        A row for each recording, NaN where there are no features.

    Raises:
        MissingData: the shards hold no features, or another number of them.
        ConfigError: the model reads another version of features that are computed.
    """
    wanted = config.satellite.features
    if wanted is None:
        return None
    if (provider := computed(wanted.provider)) is not None:
        require_alike(provider, wanted, config.name)
        places = np.array([(one.lat, one.lon) for one in recordings], float).reshape(-1, 2)
        return vectors(provider, lat=places[:, 0], lon=places[:, 1])
    if stored is None or stored.shape[1] != wanted.size:
        held = "none" if stored is None else f"{stored.shape[1]} numbers a place"
        raise MissingData(
            f"{config.name} reads {wanted.size} features of {wanted.provider}, the shards hold "
            f"{held}: psm data features DATA --features {wanted.provider}:FILES"
        )
    return np.asarray(stored[:], np.float32)


def corpus_features(config: ModelConfig, corpus: Corpus) -> Float32[np.ndarray, "n numbers"] | None:
    """What a model reads of the places of a split; see :func:`place_features`.

    Args:
        config: of the model.
        corpus: the split.
    """
    return place_features(config, corpus.recordings, corpus.features)


def features_of(picture: Picture, config: ModelConfig) -> Float32[np.ndarray, " numbers"]:
    """What a model reads of the place of a picture; no number, where it reads pixels alone.

    Args:
        picture: of a provider that :func:`psm.features.seen_through` gave.
        config: of the model.

    Raises:
        ConfigError: it carries no features, of a model that reads some.
    """
    wanted = config.satellite.features
    if wanted is None:
        return np.empty(0, np.float32)
    if picture.features is None:
        raise ConfigError(
            f"{config.name} sees places through features of {wanted.provider}, which this imagery "
            "does not carry: open it by psm.features.seen_through, or name --features"
        )
    return picture.features


def part_features(
    config: ModelConfig, corpus: Corpus, rows: NDArray[np.int64]
) -> Float32[np.ndarray, "n numbers"] | None:
    """What a model reads of the places of some recordings; see :func:`place_features`.

    Args:
        config: of the model.
        corpus: the split.
        rows: numbers of the recordings.
    """
    return corpus_features(config, corpus.part(rows))


def require_kept(config: ModelConfig, folder: Path) -> None:
    """Refuse shards whose features are not those that a model reads.

    Args:
        config: of the model.
        folder: of the shards.

    Raises:
        MissingData: they hold none, or some shards lack them.
        ConfigError: they are of another kind, version or size.
    """
    wanted = config.satellite.features
    if wanted is None or computed(wanted.provider) is not None:
        return
    note = read_note(folder)
    if note is None or any(path.name not in note["shards"] for path in shards_in(folder)):
        lack = "have no features" if note is None else "do not all have features"
        raise MissingData(
            f"{folder}: shards {lack}, through which {config.name} sees: psm data features "
            f"{folder} --features {wanted.provider}:FILES"
        )
    about = note["about"]
    held = [str(about.get("provider")), str(about.get("version", "")), about.get("size")]
    if held != [wanted.provider, wanted.version, wanted.size]:
        raise ConfigError(
            f"{folder}: holds {held[2]} features of {held[0]} {held[1]}".rstrip()
            + f", {config.name} reads {wanted.size} of {wanted.provider} {wanted.version}".rstrip()
        )


def keep_features(
    provider: FeatureProvider, folder: Path, *, replace: bool = False
) -> Counter[str]:
    """Store the features of every recording's place in its shard.

    Args:
        provider: of the features.
        folder: of the shards.
        replace: write them in the place of others.

    Returns:
        How many places have features (``""``), and how many none, by reason.

    Raises:
        ConfigError: they follow from the place alone, so that nothing need be kept.
        MissingData, SettingsChanged, CorruptShard: see :mod:`psm.data.storedfeatures`.
    """
    if computed(provider.name) is not None:
        raise ConfigError(
            f"features of {provider.name} follow from the place alone: they are computed when they "
            "are needed, and not kept"
        )
    about = {
        **provider.settings,
        "size": provider.size,
        "year": provider.year,
        "licence": provider.licence,
        "attribution": provider.attribution,
    }

    def look(lat: np.ndarray, lon: np.ndarray) -> Iterator[np.ndarray | str]:
        for answer in provider.read(lat=lat, lon=lon):
            yield answer.reason.value if isinstance(answer, NoImagery) else answer

    return add_features(folder, look, about, replace=replace)
