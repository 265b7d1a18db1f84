"""Make the model that comes with the package from a trained one: in half precision, calibrated,
measured, saying what is known to be wrong with it, and with the globe that a first start shows.

The model of the package was made by

psm earth build --recordings 44000 --out runs/earth44k
psm train --preset earth-small --data runs/earth44k --out runs/small
python docs/make_pretrained.py runs/small runs/earth44k

with seed 0; what it reaches stands in docs/recipes.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from psm import PSM
from psm.calibration import Calibration
from psm.checkpoints import PACKAGED
from psm.cli.calibrate import calibrate
from psm.evaluation.knownfaults import known_faults
from psm.evaluation.suite import measure
from psm.imagery import BlueMarble
from psm.mapping import Cells, prepare
from psm.mapping.store import cached_store
from psm.mapping.timetable.compactstore import CompactStore
from psm.mapping.timetable.preparation import stored_coefficients


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("earth", type=Path, help="whose val split it is calibrated on")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/packaged"), help="receives the measured figures"
    )
    options = parser.parse_args()
    model = PSM.from_pretrained(options.model)
    folder = Path(str(PACKAGED)) / model.config.name
    model.save_pretrained(folder, is_half=True)
    calibrate(model=str(folder), data=options.earth)
    (folder / "calibration.png").unlink()
    packed = PSM.from_pretrained(folder)
    judged = measure(packed, options.earth, options.out, calibration=Calibration.load(folder)).maps
    packed.provenance.model_copy(update={"known_faults": known_faults(judged)}).save(folder)
    make_globe(PSM.from_pretrained(folder), folder, options.out / "stores")


def make_globe(model: PSM, folder: Path, stores: Path) -> None:
    """Prepare the Earth at 1° and keep its coefficients beside the weights.

    Args:
        model: of the folder.
        folder: of the model.
        stores: receives the prepared store; one that is there is taken.
    """
    zoom = model.config.imagery.zooms[0]
    store = cached_store(model, BlueMarble(), Cells.globe(1.0), zoom, store=stores)
    prepare(store, model)
    coefficients = stored_coefficients(store, model, zoom)
    assert coefficients is not None
    CompactStore.write(folder, store, coefficients)


if __name__ == "__main__":
    main()
