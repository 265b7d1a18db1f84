"""What is served when nothing is named: the embedded Earth."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from psm.errors import MissingData
from psm.imagery import BlueMarble
from psm.mapping.cells import Cells
from psm.mapping.store import cached_store
from psm.model import PSM
from psm.server.catalogue import Served

DEMO_MODEL = Path("runs/demo/model")
PRETRAINED = "earth-small"


def default_model() -> str:
    """The folder of the model of `psm demo`, or else of the one that comes with the package.

    Raises:
        MissingData: there is neither.
    """
    included = Path(str(resources.files("psm") / "pretrained" / PRETRAINED))
    for folder in (DEMO_MODEL, included):
        if (folder / "model.safetensors").is_file():
            return str(folder)
    raise MissingData(
        f"{DEMO_MODEL}: no model there, and none came with this package; run `psm demo`, "
        "or name one by --model"
    )


def globe(model: PSM, step_deg: float) -> Served:
    """The whole Earth in the user's cache, embedded at the first start.

    Raises:
        ConfigError: the step does not fit, or the model is one for other imagery.
    """
    store = cached_store(model, BlueMarble(), Cells.globe(step_deg), model.config.imagery.zooms[0])
    return Served.open(store.url, model, name="The Earth", id_="earth")
