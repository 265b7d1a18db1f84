"""Embedded cells in memory, for the queries that follow."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from psm.gaussian import Gaussian
from psm.inference import location_gaussians
from psm.mapping.cells import Cells
from psm.mapping.moment import Moment
from psm.mapping.store.layout import Store
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

    @classmethod
    def of(cls, store: Store, zoom: int | None = None) -> EmbeddedCells:
        """All cells of a store at a zoom level, by default its first.

        Raises:
            ConfigError: the store does not have it.
        """
        level = store.zooms[0] if zoom is None else zoom
        features = torch.from_numpy(store.features(level))
        return cls(store.cells, features, level, store.attribution, store.licence)

    def locations(self, model: PSM, moment: Moment) -> Gaussian:
        """Location Gaussians of the cells at a moment: place always known, sources unknown.

        NaN where there is no imagery.
        """
        is_seen = ~self.features[:, 0].isnan()
        if is_seen.all():
            context = moment.context(lat=self.cells.lat, lon=self.cells.lon)
            return location_gaussians(model, self.features, context)
        blank = torch.full((len(is_seen), model.config.dim), torch.nan, device=model.device)
        every = Gaussian(blank, blank.clone())
        if is_seen.any():
            seen = self.cells.part(is_seen.numpy())
            context = moment.context(lat=seen.lat, lon=seen.lon)
            found = location_gaussians(model, self.features[is_seen], context)
            for whole, part in zip(every, found, strict=True):
                whole[is_seen.to(model.device)] = part
        return every
