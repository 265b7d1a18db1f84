"""Table of phrases: the questions that a published page can answer, each in numbers."""

from __future__ import annotations

from typing import Any

from psm.errors import ConfigError
from psm.progress import track
from psm.server.publishing.asking import Asker
from psm.server.served import ServedStore
from psm.server.sounds import Vocabulary

_DIGITS = 9
_BY_QUESTION = {
    "label", "moment", "range", "mean", "familiarity", "true_sound", "etag", "seconds", "numbers",
}  # fmt: skip
"""Of an answer, what changes with its question; the rest stands in the table once."""


async def phrase_table(ask: Asker, store: ServedStore, vocabulary: Vocabulary) -> dict[str, Any]:
    """What the API says of every phrase, without what it would say again and again.

    Args:
        ask: the API.
        store: that is asked; it has coefficients.
        vocabulary: its phrases; those that are sounds come first.

    Returns:
        JSON: ``answer`` and ``numbers`` hold for all phrases; each of ``phrases`` has its ``text``,
        its ``range`` of colours, that of the store (``stretched``) and its ``terms``; the first
        ``sounds`` of them are held against places.

    Raises:
        ConfigError: a phrase cannot be typed on the page, the API refuses one, or the
            coefficients hold none of them.
    """
    answer: dict[str, Any] = {}
    shared: dict[str, Any] = {}
    phrases = []
    for text in vocabulary.phrases:
        if "," in text or text.startswith(("-", "−", "–")):
            raise ConfigError(
                f"phrase {text!r}: leave out commas and a minus before it, which part sounds"
            )
    for text in track(vocabulary.phrases, f"phrases of {store.name}", unit="phrases"):
        said = await ask.json("stores", store.id, "answer", text=text)
        numbers = said["numbers"]
        if numbers is None:  # more than the coefficients can hold, or unlike what is known
            continue
        terms = numbers.pop("terms")
        answer = {name: value for name, value in said.items() if name not in _BY_QUESTION}
        shared = numbers
        ends, stretched = [
            await ask.json("stores", store.id, "range", text=text, scale=scale)
            for scale in ("sound", "own")
        ]
        phrases.append({"text": text, "range": ends, "stretched": stretched, "terms": terms})
    if not phrases:
        raise ConfigError(f"{store.store.url}: its coefficients hold none of the phrases")
    sounds = sum(phrase["text"] in vocabulary.sounds for phrase in phrases)
    table: dict[str, Any] = rounded(
        {"sounds": sounds, "answer": answer, "numbers": shared, "phrases": phrases}
    )
    return table


def rounded(content: Any) -> Any:
    """The same with no more digits than the 32 bits of a number in the page hold."""
    if isinstance(content, float):
        return float(f"{content:.{_DIGITS}g}")
    if isinstance(content, dict):
        return {name: rounded(value) for name, value in content.items()}
    return [rounded(value) for value in content] if isinstance(content, list) else content
