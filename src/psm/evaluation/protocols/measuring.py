"""Evaluation by other people's protocols, with its files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from psm.evaluation.protocols.joining import write_every
from psm.evaluation.protocols.mteb import MtebResult, evaluate_mteb, say_how_wide
from psm.evaluation.protocols.mtebdata import find_tasks, read_task
from psm.evaluation.protocols.sat2sound import (
    CAPTIONS_NAME,
    Sat2SoundResult,
    evaluate_sat2sound,
    write_captions,
)
from psm.inference.split import encode_split
from psm.model import PSM


def measure_sat2sound(
    model: PSM, data: Path, out: Path, *, name: str | None = None, seed: int = 0
) -> Sat2SoundResult:
    """Measure retrieval of sound and captions by Sat2Sound's protocol, at every zoom of the model.

    Args:
        model: in evaluation mode; it works where it is, on the GPU or not.
        data: folder of shards of the imagery that the model is for.
        out: receives the tables, the nearest captions of every place, and the features of finished
            shards, which are those of :func:`psm.evaluation.suite.measure_psm2024` too.
        name: what the tables call the model; its configured name by default.
        seed: of the bootstrap.

    Returns:
        The result that was printed and written.

    Raises:
        MissingData, CorruptShard, CorruptRecording: the shards are absent or broken.
    """
    zooms = model.config.imagery.zooms
    features = encode_split(model, data, zooms=zooms, keep=out / "features")
    result = evaluate_sat2sound(model, features, name=name, seed=seed)
    write_every({"sat2sound": (result,)}, out)
    write_captions(model, features, out / CAPTIONS_NAME)
    return result


def measure_mteb(
    model: PSM, data: Sequence[str], out: Path, *, name: str | None = None
) -> tuple[MtebResult, ...]:
    """Measure tasks of MTEB that pair images and recordings.

    Args:
        model: in evaluation mode; it works where it is, on the GPU or not.
        data: folders that hold tasks, or names of data sets on the hub.
        out: receives the table and the features of finished parts.
        name: what the table calls the model; its configured name by default.

    Returns:
        The results that were printed and written.

    Raises:
        MissingData, ConfigError, CorruptShard, CorruptRecording: a task is absent or broken.
    """
    found = [task for origin in data for task in find_tasks(origin)]
    tasks = [read_task(*about) for about in found]
    say_how_wide(model)
    results = tuple(evaluate_mteb(model, task, out / "features", name=name) for task in tasks)
    write_every({"mteb": results}, out)
    return results
