"""Data card: a README in the style of the hub, with maps and charts of what was collected."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from psm.cartography.style import figure_style
from psm.collect.outputs.card.charts import charts
from psm.collect.outputs.card.readme import readme
from psm.collect.outputs.card.world import density_map, split_map
from psm.collect.outputs.facts import Facts
from psm.collect.outputs.recordings import BuiltRecording, DataSetInfo
from psm.collect.outputs.written import write_if_other

README, PICTURES = "README.md", "card"
_FIGURES: dict[str, Callable[[Facts], Figure]] = {
    "map.png": density_map,
    "splits.png": split_map,
    "charts.png": charts,
}


def write(folder: Path, rows: Sequence[BuiltRecording], about: DataSetInfo) -> None:
    """Write the data card into the folder of a build; what is there and right stays.

    Args:
        folder: of the build.
        rows: in any order.
        about: what else is to be said.
    """
    facts = Facts(sorted(rows, key=lambda row: row.key))
    with figure_style():
        for name, draw in _FIGURES.items():
            picture = io.BytesIO()
            draw(facts).savefig(picture, format="png", metadata={"Software": None})
            write_if_other(folder / PICTURES / name, picture.getvalue())
    write_if_other(folder / README, readme(facts, about).encode())
