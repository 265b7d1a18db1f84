"""Coefficients for browsers, kept in a prepared store: what a page draws any map of it from."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor
from torch.nn import functional as F

from psm.checkpoints import weights_fingerprint
from psm.earth.phrases import PHRASES
from psm.gaussian import Gaussian, concatenate
from psm.inference.batches import text_gaussians
from psm.mapping.store import Store
from psm.mapping.store.keptcells import KeptCells
from psm.mapping.store.status import EMBEDDED
from psm.mapping.timetable.coefficientfile import VERSION, CoefficientFile, pack
from psm.mapping.timetable.compact import compact
from psm.mapping.timetable.expansion import Expansion
from psm.mapping.timetable.queryprojection import QueryProjection
from psm.model import PSM

MOST_CELLS = 50_000
"""A store of more goes to the page as tiles; coefficients of so many are some 7 MB."""

_NAME = "browser"
_UNKNOWN_QUERIES = 256
_OPINION_IMPORTANCE, _UNKNOWN_IMPORTANCE = 0.08, 0.02


@dataclass(frozen=True, eq=False)
class StoredCoefficients:
    """Coefficients of a store for one set of weights.

    Attributes:
        file: what a browser reads.
        projection: how queries are put to it.
    """

    file: CoefficientFile
    projection: QueryProjection

    @property
    def id(self) -> str:
        """A short name for all of it."""
        return str(self.file.header["id"])

    @classmethod
    def find(cls, store: Store, model: PSM, group: Any) -> Self | None:
        """Those of a prepared store; ``None`` where there are none for this model.

        Args:
            store: that they are of.
            model: that it is asked with.
            group: of the store, that holds its expansion.
        """
        found = group.get(_NAME)
        if found is None or found.attrs.get("made_of") != _made_of(store, model):
            return None
        parts = {
            field.name: np.asarray(found[field.name][...]) for field in fields(QueryProjection)
        }
        header = json.loads(np.asarray(found["header"][...]).tobytes())
        arrays = np.asarray(found["arrays"][...]).tobytes()
        return cls(CoefficientFile(header, arrays), QueryProjection(**parts))


def wants_coefficients(store: KeptCells) -> bool:
    """Whether a page can draw a store itself: a grid of degrees with few enough cells."""
    return len(store) <= MOST_CELLS and store.frame.is_geographic


def drawn_rows(store: KeptCells, zoom: int) -> Int64[np.ndarray, " cells"]:
    """Numbers of the cells of a store in the order of their coefficients: those with imagery, by
    pixel."""
    rows = np.flatnonzero(store.status(zoom) == EMBEDDED)
    return rows[np.argsort(store.index()[rows])]


@torch.inference_mode()
def make(store: Store, model: PSM, zoom: int, group: Any, expansion: Expansion) -> None:
    """Make the coefficients of a store and keep them in the group of its expansion.

    Args:
        store: prepared.
        model: that it was prepared with.
        zoom: level of the imagery.
        group: that holds the expansion.
        expansion: of the store.
    """
    rows = drawn_rows(store, zoom)
    coefficients = torch.from_numpy(np.asarray(group["coefficients"][...])[rows]).float()
    timetable, projection = compact(expansion, coefficients, *_queries(model))
    made_of = _made_of(store, model)
    file = pack(
        timetable, store.frame, store.index()[rows],
        store=made_of["store"], model=model.config.name, weights=made_of["fusion"],
        attribution=store.attribution, licence=store.licence,
    )  # fmt: skip
    # What they are made of comes last: without it the next run starts over.
    kept = group.create_group(_NAME, overwrite=True)
    header = json.dumps(file.header).encode()
    for name, content in (("header", header), ("arrays", file.arrays)):
        kept.create_array(name, data=np.frombuffer(content, np.uint8), compressors=None)
    for field in fields(QueryProjection):
        kept.create_array(field.name, data=getattr(projection, field.name))
    kept.attrs["made_of"] = made_of


def _made_of(store: Store, model: PSM) -> dict[str, Any]:
    return {
        "version": VERSION,
        "store": store.header.fingerprint,
        "fusion": weights_fingerprint(model),
    }


def _queries(model: PSM) -> tuple[Gaussian, Tensor]:
    """Queries of the kinds that are asked, and how much each kind counts.

    The phrase bank; the second opinions on it, which say how uncertain a map is and rank no places;
    and some in no direction that is known: recordings, and what the bank has no word for.
    """
    bank = [text for phrases in PHRASES.values() for text in (*phrases.names, *phrases.clauses)]
    texts = text_gaussians(model, bank)
    kinds = [(texts, 1.0)]
    if model.uncertainty is not None:
        kinds.append((model.uncertainty.opinions(texts).gaussians, _OPINION_IMPORTANCE))
    generator = torch.Generator().manual_seed(0)
    shape = (_UNKNOWN_QUERIES, texts.mean.shape[-1])
    like = torch.randint(len(bank), shape[:1], generator=generator)
    mean = F.normalize(torch.randn(shape, generator=generator), dim=-1)
    kinds.append((Gaussian(mean, texts.log_var.cpu().float()[like]), _UNKNOWN_IMPORTANCE))
    importance = [torch.full((len(kind.mean),), share / len(kind.mean)) for kind, share in kinds]
    queries = [Gaussian(kind.mean.cpu().float(), kind.log_var.cpu().float()) for kind, _ in kinds]
    return concatenate(queries), torch.cat(importance)
