"""Embedded cells in memory, for the queries that follow."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from psm.gaussian import Gaussian
from psm.inference.batches import location_gaussians
from psm.mapping.cells import Cells
from psm.mapping.distances import Distances
from psm.mapping.moment import UNKNOWN, Moment, Sources
from psm.model import PSM


@dataclass(frozen=True, eq=False)
class EmbeddedCells:
    """Cells with the image features that a model sees there, before fusion with any context.

    Attributes:
        cells: the places.
        features: a row for each cell, float16 where they come from a store; NaN where there is no
            imagery.
        zoom: of the views.
        attribution: whose imagery it is, as it has to stand on a map.
        licence: of the imagery.
    """

    cells: Cells
    features: Float[Tensor, "n dim"]
    zoom: int
    attribution: str
    licence: str

    def distances(
        self,
        model: PSM,
        queries: Gaussian,
        moment: Moment,
        sources: Sources = UNKNOWN,
    ) -> Distances:
        """See :class:`psm.mapping.distances.Places`: fuses all cells, then compares."""
        return Distances.between(self.locations(model, moment, sources), queries)

    def locations(
        self,
        model: PSM,
        moment: Moment,
        sources: Sources = UNKNOWN,
    ) -> Gaussian:
        """Location Gaussians of the cells at a moment: place known, sources only where given.

        NaN where there is no imagery.
        """

        def fused(cells: Cells, features: Float[Tensor, "n dim"]) -> Gaussian:
            context = moment.context(lat=cells.lat, lon=cells.lon, sources=sources)
            return location_gaussians(model, features, context)

        is_seen = ~self.features[:, 0].isnan()
        if is_seen.all():
            return fused(self.cells, self.features)
        blank = torch.full((len(is_seen), model.config.dim), torch.nan, device=model.device)
        every = Gaussian(blank, blank.clone())
        if is_seen.any():
            found = fused(self.cells.part(is_seen.numpy()), self.features[is_seen])
            for whole, part in zip(every, found, strict=True):
                whole[is_seen.to(model.device)] = part
        return every
