"""The options that say which cells are meant, the same for every command."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from psm.mapping import Cells
    from psm.mapping.region import Grid

GLOBE = "globe"
_USUAL_CELLS = 10_000


RegionOption = Annotated[
    str | None,
    typer.Option(
        "--region",
        help="A place (`Vienna`, `Vienna, US`, `Vienna, 20km`), `lat,lon,radius`, a bbox "
        "`west,south,east,north`, a vector file (`FILE` or `FILE:LAYER`), or `globe`.",
    ),
]
SpacingOption = Annotated[
    str | None,
    typer.Option(
        "--spacing", help="From a cell to the next: 500m, 2km; some 10,000 cells by default."
    ),
]
StepOption = Annotated[
    float | None,
    typer.Option("--step", help="Of the globe without --spacing: degrees, over all land; 1."),
]
CrsOption = Annotated[
    str | None,
    typer.Option(
        "--crs", help="Projected system in metres; by default equal-area, centred on the region."
    ),
]
LandOption = Annotated[bool, typer.Option("--land-only", help="Only cells on land.")]
WithoutOption = Annotated[
    list[Path] | None, typer.Option("--without", help="Vector file of areas to leave out.")
]


@dataclass(frozen=True)
class Area:
    """A region and a grid on it, as the command line says them.

    Attributes:
        region: in words; none is the globe.
        spacing: a length; by default such that there are some 10,000 cells.
        step: degrees of the globe's grid, where there is no spacing; 1 by default.
        crs: of the grid, instead of an equal-area one.
        land_only: leave the sea out.
        without: vector files of areas to leave out.
    """

    region: str | None
    spacing: str | None
    step: float | None
    crs: str | None = None
    land_only: bool = False
    without: tuple[Path, ...] = ()

    def grid(self) -> Grid | Cells:
        """Cells by blocks, as a store takes them.

        Raises:
            ConfigError, MissingData: the options name no cells, or contradict each other.
        """
        from psm.errors import ConfigError
        from psm.mapping import Cells
        from psm.mapping.region import Region, parse_length

        if self.region in (None, GLOBE) and self.spacing is None:
            if self.crs or self.without:
                raise ConfigError("the globe by degrees has no --crs and no --without: --spacing")
            return Cells.globe(1.0 if self.step is None else self.step)
        if self.step is not None:
            what = self.region or "--spacing"
            raise ConfigError(f"--step {self.step:g}: degrees are for globe; {what} takes lengths")
        region = Region.parse(self.region or GLOBE)
        for path in self.without:
            region = region.without(Region.file(path))
        usual_m = _round_down(1000.0 * math.sqrt(region.area_km2 / _USUAL_CELLS))
        spacing_m = usual_m if self.spacing is None else parse_length(self.spacing)
        return region.grid(spacing_m, crs=self.crs, land_only=self.land_only)

    def cells(self) -> Cells:
        """All of them, in memory."""
        from psm.mapping import Cells

        grid = self.grid()
        return grid if isinstance(grid, Cells) else grid.cells()


def _round_down(metres: float) -> float:
    """To 1, 2 or 5 times a power of ten."""
    size = 10.0 ** math.floor(math.log10(max(metres, 1.0)))
    return max(factor * size for factor in (1.0, 2.0, 5.0) if factor * size <= max(metres, 1.0))
