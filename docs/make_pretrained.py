"""Make the model that comes with the package from a trained one: in half precision, calibrated,
measured, and saying what is known to be wrong with it.

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


if __name__ == "__main__":
    main()
