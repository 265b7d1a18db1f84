"""Terms of a query in the space of a model: their Gaussians, and how familiar each wording is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from psm.data.audio import read_audio
from psm.familiarity import TermFamiliarity
from psm.gaussian import Gaussian, mixture
from psm.inference.queries import EncodedTerm, recording_term, text_terms
from psm.mapping.term import Term
from psm.model import PSM

_Encoded = tuple[Gaussian, list[TermFamiliarity]]
"""A term, ``(1, dim)``, and how familiar each of its wordings is; none where nobody knows."""


def encode_terms(
    model: PSM,
    terms: Sequence[Term],
    templates: Sequence[str],
    recordings: Mapping[Path, EncodedTerm],
) -> list[_Encoded]:
    """Every term as one Gaussian, and how familiar each of its wordings is.

    Args:
        model: in evaluation mode.
        terms: of a query.
        templates: wordings that every text is asked in, with ``{}`` for the text.
        recordings: audio terms that are encoded already; their files are not read.

    Raises:
        CorruptRecording: an audio file cannot be read.
    """
    # Files first: they are the likelier to fail.
    found = {
        row: _heard(term.name, recordings.get(term.audio) or _recording(model, term.audio))
        for row, term in enumerate(terms)
        if term.audio
    }
    texts = [
        [template.replace("{}", text) for text in term.wordings for template in templates]
        for term in terms
    ]
    if any(texts):
        rows = iter(text_terms(model, [text for wordings in texts for text in wordings]))
        for row, wordings in enumerate(texts):
            if wordings:
                said = [next(rows) for _ in wordings]
                found[row] = _said(terms[row].wordings, said)
    return [found[row] for row in range(len(terms))]


def _heard(name: str, recording: EncodedTerm) -> _Encoded:
    known = recording.likeness
    return recording.gaussian, [] if known is None else [TermFamiliarity(name, known)]


def _said(wordings: Sequence[str], said: Sequence[EncodedTerm]) -> _Encoded:
    """A text in several wordings, each of them in every template."""
    gaussians = [each.gaussian for each in said]
    likenesses = [each.likeness for each in said if each.likeness is not None]
    several = len(said) // len(wordings)
    parts = [likenesses[at : at + several] for at in range(0, len(likenesses), several)]
    # A template is a manner of speaking: what is familiar in one of them is known.
    best = [max(part, key=lambda likeness: likeness.familiarity) for part in parts]
    known = [
        TermFamiliarity(f"“{text}”", likeness)
        for text, likeness in zip(wordings, best, strict=False)
    ]
    return gaussians[0] if len(said) == 1 else mixture(gaussians), known


def waveform(model: PSM, path: Path) -> Float32[np.ndarray, " samples"]:
    """What a model hears of a file.

    Raises:
        CorruptRecording: it cannot be read.
    """
    config = model.config.audio
    window_s = None if model.config.framing.fused else config.clip_s
    return read_audio(
        path, config.sample_rate_hz, band_hz=config.band_hz, is_query=True, window_s=window_s
    )


def _recording(model: PSM, path: Path) -> EncodedTerm:
    return recording_term(model, waveform(model, path))
