"""What is served when nothing is named: the embedded Earth."""

from __future__ import annotations

from pathlib import Path

from psm import checkpoints
from psm.geodata.cache import cache_folder
from psm.imagery import BlueMarble
from psm.mapping.cells import Cells
from psm.mapping.store import cached_store
from psm.model import PSM
from psm.server.served import Served

DEMO_MODEL = Path("runs/demo/model")
PRETRAINED = "earth-small"


def default_model() -> str:
    """The folder of the model of `psm demo`, or else the one that comes with the package."""
    has_demo = (DEMO_MODEL / checkpoints.WEIGHTS_NAME).is_file()
    return str(DEMO_MODEL) if has_demo else PRETRAINED


def globe(model: PSM, step_deg: float) -> Served:
    """The whole Earth in the user's cache, embedded at the first start.

    It lies apart from the stores of `psm map`, of which only the last ones are kept: one that is
    served must not go.

    Raises:
        ConfigError: the step does not fit, or the model is one for other imagery.
    """
    zoom, root = model.config.imagery.zooms[0], cache_folder() / "served"
    store = cached_store(model, BlueMarble(), Cells.globe(step_deg), zoom, store=root)
    return Served.open(store.url, model, name="The Earth", id_="earth")
