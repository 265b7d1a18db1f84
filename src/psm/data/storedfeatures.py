"""Features of places, kept beside the tiles of shards, with a note of what they are.

The note, ``features.json``, says which features they are, on which terms, and which shards have
them already: a shard is rewritten as a whole, and what is killed goes on at the next one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from psm.data.members import FEATURES, RECORDING
from psm.data.recording import Recording
from psm.data.shards import npy_bytes, shards_in, tar_writer
from psm.data.tars import MemberIndex, read_samples
from psm.errors import MissingData, SettingsChanged
from psm.files import atomic_path
from psm.locking import alone_in
from psm.progress import track

NOTE_NAME = "features.json"

Look = Callable[[np.ndarray, np.ndarray], Iterator[np.ndarray | str]]
"""From latitudes and longitudes to a vector of each place, or the reason for none."""


def add_features(
    folder: Path, look: Look, about: Mapping[str, Any], *, replace: bool = False
) -> Counter[str]:
    """Store the features of every recording's place in ``folder`` beside its tile.

    Args:
        folder: of shards, all splits.
        look: what gives the features.
        about: what they are, ready for JSON: at least ``provider``, ``version`` and ``size``.
        replace: write them in the place of others.

    Returns:
        How many places have features (``""``), and how many none, by reason.

    Raises:
        MissingData: there are no shards.
        SettingsChanged: they hold other features.
        ConfigError: another process writes there.
        CorruptShard: a member cannot be read.
    """
    paths = shards_in(folder)
    if not paths:
        raise MissingData(f"{folder}: no shards; import some with `psm data import`")
    told = json.loads(json.dumps(dict(about)))
    with alone_in(folder, "storing features"):
        note = read_note(folder) or {"about": told, "shards": {}}
        if note["about"] != told:
            if not replace:
                ours, theirs = told.get("provider"), note["about"].get("provider")
                what = f"features of {theirs}" if ours != theirs else f"other features of {ours}"
                raise SettingsChanged(
                    f"{folder}: holds {what}; --replace writes these in their place"
                )
            note = {"about": told, "shards": {}}
        for path in track(paths, "storing features", len(paths)):
            known = note["shards"].get(path.name)
            if known is None or known["bytes"] != path.stat().st_size:
                counts = _add_to_shard(path, look)
                note["shards"][path.name] = {"bytes": path.stat().st_size, "counts": counts}
                _write(folder, note)
    total: Counter[str] = Counter()
    for path in paths:
        total.update(note["shards"][path.name]["counts"])
    return total


def read_note(folder: Path) -> dict[str, Any] | None:
    """What the shards of a folder hold; ``None`` where they hold no features."""
    try:
        note = json.loads((folder / NOTE_NAME).read_text())
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) and {"about", "shards"} <= note.keys() else None


def _write(folder: Path, note: Mapping[str, Any]) -> None:
    with atomic_path(folder / NOTE_NAME) as aside:
        aside.write_text(json.dumps(note, indent=1, ensure_ascii=False) + "\n")


def _add_to_shard(path: Path, look: Look) -> Counter[str]:
    _, recordings = MemberIndex.find([path])
    places = np.array([(one.lat, one.lon) for one in recordings], float)
    answers = list(look(places[:, 0], places[:, 1]))
    by_key = {one.key: answer for one, answer in zip(recordings, answers, strict=True)}
    counts: Counter[str] = Counter()
    with (
        atomic_path(path) as aside,
        aside.open("wb") as stream,
        closing(tar_writer(stream)) as writer,
    ):
        for sample in read_samples(path):
            answer = by_key[Recording.from_json(json.loads(sample[RECORDING])).key]
            sample.pop(FEATURES, None)
            if isinstance(answer, str):
                counts[answer] += 1
            else:
                counts[""] += 1
                sample[FEATURES] = npy_bytes(np.asarray(answer, np.float32))
            writer.write(sample)
    return counts
