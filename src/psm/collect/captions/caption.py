"""Captions: what one is, who can write one, and which of several is the best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import soxr
from numpy.typing import NDArray

from psm.collect.refusal import Refused
from psm.data.recording import CAPTION_SOURCES, CaptionSource

Waveform = NDArray[np.float32]
"""Mono samples in -1..1, ``(samples,)``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """A sentence about a recording.

    Attributes:
        source: who wrote it: ``meta``, or the name of a captioner.
        style: which of the caption sources of a data set it counts as.
        text: itself.
        score: cosine of the angle between it and the sound, by CLAP; ``None`` where none was asked.
        model: that wrote it, with its revision; empty for ``meta``.
    """

    source: str
    style: str
    text: str
    score: float | None = None
    model: str = ""

    def to_json(self) -> dict[str, Any]:
        """The fields by name, JSON-ready."""
        return asdict(self)


def meta_caption(text: str) -> Caption | None:
    """The recordist's own text as a caption; ``None`` if there is none."""
    if not text:
        return None
    meta = CaptionSource.META.value
    return Caption(source=meta, style=meta, text=text)


def best(captions: Iterable[Caption]) -> Caption:
    """The caption with the highest score; of equal ones, the earlier style.

    Where nothing was scored, the recordist's own words, or else the first model's, in the order of
    :data:`psm.data.recording.CAPTION_SOURCES` and of names. What has no score loses to what has.

    Raises:
        Refused: there is no caption.
    """
    worded = [caption for caption in captions if caption.text]
    if not worded:
        raise Refused("no caption")
    return min(worded, key=_rank)


def _rank(caption: Caption) -> tuple[float, int, str, str]:
    score = float("-inf") if caption.score is None else caption.score
    styles = [str(style) for style in CAPTION_SOURCES]
    place = styles.index(caption.style) if caption.style in styles else len(styles)
    return (-score, place, caption.source, caption.text)


class Captioner(Protocol):
    """A model that listens and writes one sentence a recording."""

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
    def prompt(self) -> str:
        """What the model is asked."""
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
