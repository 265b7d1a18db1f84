"""What queries are held against: cells that know how far they are from a query at a moment."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from jaxtyping import Float
from torch import Tensor

from psm.data.recording import AudioSource, CaptionSource
from psm.gaussian import Gaussian
from psm.mapping.cells import Cells
from psm.mapping.moment import Moment
from psm.model import PSM


class Distances(NamedTuple):
    """Of N cells and M Gaussians of queries; NaN where there is no imagery.

    Attributes:
        csd: closed-form sampled distances, ``(N, M)``.
        variance: of the squared distance, ``(N, M)``.
    """

    csd: Float[Tensor, "n m"]
    variance: Float[Tensor, "n m"]


class Places(Protocol):
    """Embedded cells: exact (:class:`~psm.mapping.EmbeddedCells`), mixed over zoom levels
    (:class:`~psm.mapping.MixedZooms`) or prepared (:class:`~psm.mapping.Timetable`)."""

    @property
    def cells(self) -> Cells: ...

    @property
    def zoom(self) -> int | str: ...

    @property
    def attribution(self) -> str: ...

    @property
    def licence(self) -> str: ...

    def distances(
        self,
        model: PSM,
        queries: Gaussian,
        moment: Moment,
        *,
        audio_source: AudioSource | None = None,
        caption_source: CaptionSource | None = None,
    ) -> Distances:
        """How far every cell is from every query Gaussian, ``(M, dim)``, at a moment."""
        ...
