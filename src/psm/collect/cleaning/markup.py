"""Plain text out of HTML, entities, form encoding and control characters."""

from __future__ import annotations

import html
import re
import unicodedata
from html.parser import HTMLParser
from urllib.parse import unquote, unquote_plus

_BREAKING = re.compile(r"p|br|div|li|[uo]l|t[rdh]|table|h[1-6]|hr|blockquote|section|pre")
_UNSEEN = frozenset(("script", "style"))
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<!--")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_PLUS = re.compile(r"\w\+\w")
_SPACES = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\s*\n\s*")


def text_of(raw: str) -> str:
    """The text that a reader sees: one line a paragraph, no markup, nothing invisible."""
    text = _decoded(raw)
    if _TAG.search(text):
        text = _without_tags(text)
    elif "&" in text:
        text = html.unescape(text)
    text = unicodedata.normalize("NFC", text)
    if not text.isprintable():  # spaces other than the plain one are not, nor line ends
        text = "".join(_visible(letter) for letter in text)
    return _LINES.sub("\n", _SPACES.sub(" ", text)).strip()


def _decoded(raw: str) -> str:
    """Undo the encoding of forms, in which YFCC100M keeps its words: ``church+bells%21``."""
    if re.search(r"\s", raw.strip()):
        return raw
    has_percent = _PERCENT.search(raw) is not None
    if not has_percent and not _PLUS.search(raw):
        return raw
    # An address that stands alone keeps its plus signs, and is known as one later.
    return unquote(raw) if "://" in raw or "@" in raw else unquote_plus(raw)


def _without_tags(text: str) -> str:
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return "".join(reader.seen)


def _visible(letter: str) -> str:
    category = unicodedata.category(letter)
    if letter in "\r\n\u2028\u2029\u0085":
        return "\n"
    if category in ("Cc", "Zs"):
        return " "
    # Joiners, marks of direction, half letters and private ones. Without the soft hyphen words
    # come together again.
    return "" if category in ("Cf", "Cs", "Co", "Cn") else letter


class _Reader(HTMLParser):
    """Collects what is seen of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._unseen += tag in _UNSEEN
        self._break(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        self._unseen = max(0, self._unseen - (tag in _UNSEEN))
        self._break(tag)

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.seen.append(data)

    def _break(self, tag: str) -> None:
        if _BREAKING.fullmatch(tag):
            self.seen.append("\n")
