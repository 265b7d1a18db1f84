"""What everything is that writes captions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import soxr
from numpy.typing import NDArray

from psm.collect.refusal import Refused

Waveform = NDArray[np.float32]
"""Mono samples in -1..1, ``(samples,)``."""


class Captioner(Protocol):
    """Something that listens and writes one sentence a recording."""

    @property
    def name(self) -> str:
        """Tells captioners apart in a build."""
        ...

    @property
    def style(self) -> str:
        """The caption source that its captions count as: ``qwen`` or ``pengi``."""
        ...

    @property
    def model(self) -> str:
        """Which weights write: an id with its revision, or a folder's name with a hash."""
        ...

    @property
    def fingerprint(self) -> str:
        """Of all that a caption depends on beside the sound: weights, prompt, settings."""
        ...

    def caption(self, waveforms: Sequence[Waveform], rate_hz: int) -> list[str | Refused]:
        """One sentence each, in order; the reason where there is none."""
        ...


def is_sound(waveform: Waveform) -> bool:
    """Whether there is anything that a model can listen to."""
    return waveform.ndim == 1 and waveform.size > 0 and bool(np.isfinite(waveform).all())


def resampled(waveform: Waveform, rate_hz: int, wanted_hz: int) -> Waveform:
    """The same sound at another rate."""
    if rate_hz != wanted_hz:
        waveform = soxr.resample(waveform, rate_hz, wanted_hz)
    return waveform.astype(np.float32, copy=False)
