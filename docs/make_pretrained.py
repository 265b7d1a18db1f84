"""Make the model that comes with the package from a trained one: half precision, calibrated.

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
from psm.checkpoints import PACKAGED
from psm.cli.calibrate import calibrate


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("earth", type=Path, help="whose val split it is calibrated on")
    options = parser.parse_args()
    model = PSM.from_pretrained(options.model)
    folder = Path(str(PACKAGED)) / model.config.name
    model.save_pretrained(folder, is_half=True)
    calibrate(model=str(folder), data=options.earth)
    (folder / "calibration.png").unlink()


if __name__ == "__main__":
    main()
