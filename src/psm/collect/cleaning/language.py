"""The language of a text, where there is enough of it to tell."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from psm.extras import require

UNDETERMINED = "und"
"""ISO 639-2 for a text whose language nobody can tell."""

_FEWEST_LETTERS = 10
_FEWEST_WIDE_LETTERS = 3  # one letter of Chinese or Japanese says as much as some of ours
_SUREST_NOT = 0.35  # "church bells at dawn" is English with 0.40, "Turdus merula" Latin with 0.17


def language_of(text: str) -> str:
    """ISO 639-1 code, or :data:`UNDETERMINED` for a text that is short or could be anything."""
    letters = [letter for letter in text if letter.isalpha()]
    fewest = _FEWEST_WIDE_LETTERS if letters and min(letters) > "\u2e80" else _FEWEST_LETTERS
    if len(letters) < fewest:
        return UNDETERMINED
    language, probability = _identifier().classify(text)
    is_sure = probability >= _SUREST_NOT and language != "zxx"
    return str(language) if is_sure else UNDETERMINED


@lru_cache(maxsize=1)
def _identifier() -> Any:
    langid = require("py3langid.langid", "collect")
    return langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
