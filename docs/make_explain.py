"""Draw the picture of ``docs/explain.md``: ``python docs/make_explain.py``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image

from psm import PSM
from psm.calibration import Calibration
from psm.explaining import explain, write_explanation
from psm.imagery import BlueMarble
from psm.mapping import Moment, Query

MODEL = "earth-small"
LAT, LON = 44.3, 8.9
ASKED = ("ocean waves", "traffic")


def main() -> None:
    """One place, two sounds, one above the other."""
    model = PSM.from_pretrained(MODEL)
    panels = []
    with tempfile.TemporaryDirectory() as folder:
        for words in ASKED:
            found = explain(
                model, BlueMarble(), Query(texts=(words,)), Moment(month=1, hour=12.0),
                lat=LAT, lon=LON, calibration=Calibration.find(MODEL),
            )  # fmt: skip
            path = write_explanation(found, Path(folder) / "heat.png", width_px=1000)
            with Image.open(path) as picture:
                panels.append(picture.convert("RGB"))
    whole = Image.new("RGB", (panels[0].width, sum(panel.height for panel in panels)))
    top = 0
    for panel in panels:
        whole.paste(panel, (0, top))
        top += panel.height
    whole.save(Path(__file__).parent / "explain.webp", quality=80, method=6)


if __name__ == "__main__":
    main()
