"""Indices of recordings beside scikit-maad's own: the largest difference of each.

The table of ``psm data indices`` is held against scikit-maad, asked directly for the same files as
its documentation asks it: soundecology's and seewave's settings, whole recordings.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import soundfile
from maad import features, sound


def own(path: Path) -> dict[str, float]:
    """What scikit-maad says of a file.

    Args:
        path: mono, of any format that soundfile reads.
    """
    samples, rate_hz = soundfile.read(path)
    samples = samples - samples.mean()
    power, _, hertz, _ = sound.spectrogram(samples, rate_hz)
    amplitude = np.sqrt(power)
    bins = {"fmin": 0, "fmax": 10_000, "bin_step": 1000, "dB_threshold": -50}
    in_time = features.temporal_entropy(samples, compatibility="seewave")
    return {
        "aci": features.acoustic_complexity_index(amplitude)[2],
        "adi": features.acoustic_diversity_index(amplitude, hertz, **bins),
        "aei": features.acoustic_eveness_index(amplitude, hertz, **bins),
        "bi": features.bioacoustics_index(amplitude, hertz, flim=(2000, 8000)),
        # Limits are the lower edges of the first and the last kilohertz: see docs/indices.md.
        "ndsi": features.soundscape_index(
            power, hertz, flim_bioPh=(2000, 7000), flim_antroPh=(1000, 1000), R_compatible=None
        )[0],
        "h": in_time * features.frequency_entropy(power, compatibility="seewave")[0],
    }


def main() -> None:
    """Print a row for each index."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("folder", type=Path, help="folder of recordings")
    reader.add_argument("--count", type=int, default=10, help="recordings to compare")
    asked = reader.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        table = Path(scratch) / "indices.csv"
        command = ["data", "indices", str(asked.folder), "--out", str(table), "--quiet"]
        subprocess.run([sys.executable, "-m", "psm.cli", *command], check=True)
        with table.open(newline="") as stream:
            rows = [row for row in csv.DictReader(stream) if row["ndsi"]][: asked.count]
    warnings.simplefilter("ignore")
    expected = [own(asked.folder / row["file"]) for row in rows]
    print(f"{len(rows)} recordings")
    for name in expected[0]:
        apart = [
            abs(float(row[name]) / e[name] - 1.0) for row, e in zip(rows, expected, strict=True)
        ]
        values = [e[name] for e in expected]
        print(f"{name:5s} {min(values):8.3f} to {max(values):8.3f}, at most {max(apart):.1e} apart")


if __name__ == "__main__":
    main()
