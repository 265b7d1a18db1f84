"""Tables, links and lists of words in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(heading: Sequence[str], lines: Iterable[Sequence[str]], *, numbers: int = 0) -> str:
    """A table; after the first column stand ``numbers`` columns set to the right."""
    marks = ["---:" if 0 < place <= numbers else "---" for place in range(len(heading))]
    rows = [heading, marks, *lines]
    return "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in rows)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def link(text: str, url: str) -> str:
    """A link, or the text alone where there is no address."""
    return f"[{text}]({url})" if url else text


def listed(words: Sequence[str]) -> str:
    """Words with commas between them and an "and" before the last."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
