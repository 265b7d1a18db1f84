"""Acoustic indices of a recording, computed by scikit-maad.

ACI: Pieretti et al. 2011, "A new methodology to infer the singing activity of an avian community".
ADI, AEI: Villanueva-Rivera et al. 2011, "A primer of acoustic analysis for landscape ecologists".
BI: Boelman et al. 2007, "Multi-trophic invasion resistance in Hawaii".
NDSI: Kasten et al. 2012, "The remote environmental assessment laboratory's acoustic library".
H: Sueur et al. 2008, "Rapid acoustic survey for biodiversity appraisal", entropy in time times
entropy over frequency.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64

from psm.data.sound.hearing import NOTHING_DB
from psm.extras import require
from psm.indices.settings import INDICES, IndexSettings

SILENCE = "silence"


def acoustic_indices(
    samples: Float32[np.ndarray, " samples"], rate_hz: int, settings: IndexSettings
) -> tuple[dict[str, float], str]:
    """The indices of a recording, and why some of them are not known.

    Args:
        samples: mono; full scale is 1.
        rate_hz: of the samples.
        settings: bands and window.

    Returns:
        By the names of :data:`~psm.indices.settings.INDICES`, NaN where one is not known; and the
        reasons, empty where all are known.

    Raises:
        MissingExtra: scikit-maad is not installed.
    """
    nothing = dict.fromkeys(INDICES, math.nan)
    if len(samples) < settings.shortest_s * rate_hz:
        return nothing, f"no indices: shorter than {settings.shortest_s:g} s"
    centred = samples - samples.mean(dtype=np.float64)  # as scikit-maad does when it loads a file
    power = float(np.mean(np.square(centred)))
    if power < 10.0 ** (NOTHING_DB / 10.0):
        return nothing, f"no indices: {SILENCE}"
    found, why = nothing, []
    with _maad() as maad:
        spectrogram, _, hertz, _ = maad.sound.spectrogram(centred, rate_hz, nperseg=settings.window)
        for name, index in _indices(maad, settings, centred, np.sqrt(spectrogram), hertz).items():
            top = settings.tops_hz.get(name, 0)
            if 2 * top > rate_hz:
                why.append(f"no {name}: it needs sound up to {top / 1000:g} kHz, and there is only "
                           f"up to {rate_hz / 2000:g}")  # fmt: skip
                continue
            found[name] = float(index())
            if not math.isfinite(found[name]):
                found[name] = math.nan
                why.append(f"no {name}: undefined, a band of it holds nothing")
    return found, "; ".join(why)


def _indices(
    maad: Any,
    settings: IndexSettings,
    samples: Float64[np.ndarray, " samples"],
    amplitude: Float64[np.ndarray, "bins frames"],
    hertz: Float64[np.ndarray, " bins"],
) -> dict[str, Callable[[], float]]:
    """How scikit-maad is asked for each index."""
    features = maad.features
    bands = {
        "fmax": settings.diversity_top_hz,
        "bin_step": settings.diversity_step_hz,
        "dB_threshold": settings.diversity_threshold_db,
    }

    def ndsi() -> float:
        # Bands are named by the lower edges of their first and last kilohertz: scikit-maad counts
        # the one that a limit falls on in, so that 1 to 2 kHz would be 1 to 3. Without
        # compatibility to soundecology it takes bins of 1 kHz, which is what is wanted.
        (low, high), (from_, to) = settings.biophony_khz, settings.anthrophony_khz
        return float(
            features.soundscape_index(
                np.square(amplitude), hertz, R_compatible=None,
                flim_bioPh=(1000 * low, 1000 * (high - 1)),
                flim_antroPh=(1000 * from_, 1000 * (to - 1)),
            )[0]
        )  # fmt: skip

    def entropy() -> float:
        in_time = features.temporal_entropy(samples, compatibility="seewave")
        over_bins, _ = features.frequency_entropy(np.square(amplitude), compatibility="seewave")
        return float(in_time * over_bins)

    return {
        "aci": lambda: features.acoustic_complexity_index(amplitude)[2],
        "adi": lambda: features.acoustic_diversity_index(amplitude, hertz, **bands),
        "aei": lambda: features.acoustic_eveness_index(amplitude, hertz, **bands),
        "bi": lambda: features.bioacoustics_index(
            amplitude, hertz, flim=settings.bioacoustic_hz, R_compatible="soundecology"
        ),
        "ndsi": ndsi,
        "h": entropy,
    }


@contextmanager
def _maad() -> Iterator[Any]:
    """scikit-maad, whose numpy may divide by zero: what comes of it is looked at afterwards."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        maad = require("maad")
        require("maad.sound"), require("maad.features")
        yield maad
