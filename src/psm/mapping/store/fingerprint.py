"""Fingerprint of a store: every setting that changes its features, and how two differ.

The unit of work is none of it: it shapes the files, not what is in them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from torch import Tensor

from psm.checkpoints import hash_tensors
from psm.config import ModelConfig
from psm.coverage import Coverage
from psm.geodata.frame import Frame, Indices
from psm.imagery import Provider
from psm.inference.batches import picture_px
from psm.model import PSM
from psm.unitfeatures import rounded

Parts = dict[str, Any]


@runtime_checkable
class CellBlocks(Protocol):
    """Cells of a frame, a few at a time: :class:`psm.mapping.Cells`, or the grid of a region."""

    @property
    def frame(self) -> Frame: ...

    def blocks(self) -> Iterator[tuple[Indices, Indices]]:
        """Rows and columns; every time the same, in the same order."""
        ...


def flat_blocks(cells: CellBlocks) -> Iterator[Indices]:
    """Pixel numbers of the cells, block by block."""
    columns = cells.frame.shape[1]
    for rows, column in cells.blocks():
        yield np.asarray(rows, np.int64) * columns + np.asarray(column, np.int64)


def survey(cells: CellBlocks) -> tuple[int, str]:
    """How many cells there are, and the hash of their pixel numbers in order."""
    count, digest = 0, hashlib.sha256()
    for flat in flat_blocks(cells):
        count += len(flat)
        digest.update(flat.astype("<i8").tobytes())
    return count, digest.hexdigest()[:24]


def parts_of(
    model: PSM,
    provider: Provider,
    frame: Frame,
    survey: tuple[int, str],
    zooms: Sequence[int],
    month: int | None,
) -> Parts:
    """All that changes the features, by the name that an error gives it, ready for JSON."""
    config = model.config
    imagery = config.imagery
    parts = {
        "weights": satellite_fingerprint(model),
        "encoder": config.satellite.model_dump(mode="json", exclude={"weights", "adapt"}),
        "precision": model.computes_in,
        "view": [imagery.view_px, imagery.gsd_m, imagery.mean, imagery.std, *_as_published(config)],
        "zooms": list(zooms),
        "imagery": dict(provider.settings),
        "month": month,
        "frame": [frame.crs, list(frame.transform)[:6], frame.shape],
        "cells": list(survey),
    }
    if model.coverage is not None:  # stores of models that say nothing of it are older
        parts["coverage"] = coverage_fingerprint(model.coverage)
    plain: Parts = json.loads(json.dumps(parts))
    return plain


def _as_published(config: ModelConfig) -> list[int]:
    """What a published model sees otherwise; nothing of others, whose stores are older."""
    return [picture_px(config)] if config.reference else []


def digest(parts: Mapping[str, Any]) -> str:
    """A short name for the parts."""
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def difference(found: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    """The parts that differ, in words: ``another month (7, not 8), other weights``."""
    words = []
    for name in sorted(found.keys() | asked.keys()):
        ours, theirs = asked.get(name), found.get(name)
        if ours == theirs:
            continue
        is_short = all(isinstance(value, int | str | None) for value in (ours, theirs))
        values = f" ({theirs}, not {ours})" if is_short and name != "weights" else ""
        words.append(f"other {name}{values}")
    return ", ".join(words)


def coverage_fingerprint(coverage: Coverage) -> str:
    """A short name of what makes a place one that a model covers."""
    digest = hashlib.sha256(f"{coverage.reach_km} {coverage.least_likeness}".encode())
    hash_tensors(digest, {"places": coverage.places, "looks": rounded(coverage.looks)})
    return digest.hexdigest()[:24]


def satellite_fingerprint(model: PSM) -> str:
    """A short name of the weights that features come from."""
    digest = hashlib.sha256()
    hash_tensors(digest, model.satellite.state_dict(), as_=Tensor.float)
    return digest.hexdigest()[:24]
