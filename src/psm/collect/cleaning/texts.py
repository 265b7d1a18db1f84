"""The recordist's own words without boilerplate, and the language they are in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from psm.collect.cleaning.markup import text_of
from psm.extras import require

UNDETERMINED = "und"
"""ISO 639-2 for a text whose language nobody can tell."""

_FEWEST_LETTERS = 10
_FEWEST_WIDE_LETTERS = 3  # one letter of Chinese or Japanese says as much as some of ours
_SUREST_NOT = 0.35  # "church bells at dawn" is English with 0.40, "Turdus merula" Latin with 0.17

_LONGEST_READ = 10_000  # nobody describes a recording in more
_LONGEST = 2000
_MOST_TAGS = 40

_SUFFIX = re.compile(
    r"(?<=\S)\.(?:wav|mp3|mp4|flac|ogg|opus|aiff?|m4a|mov|avi|mts|mpe?g|3gp|wma|amr|jpe?g)\b",
    re.IGNORECASE,
)
# How cameras, phones and recorders name files, with or without a suffix.
_DEVICE = re.compile(
    r"(?<![^\W_])(?:"
    r"(?:DSC[FN]?|IMGP?|MVI|MOV|VID|VIDEO|PICT|CIMG|SANY|GOPR|GX|GH|DJI|PXL|AUD|AUDIO|ZOOM|STE|MONO"
    r"|REC|VOICE|TASCAM|DR|LS|WS|DM|DS|DVT|MAH|MZ|VN|STR|TRK|TRACK|FOLDER|FILE)"
    r"[-_ ]?\d{3,}(?:[-_]\d+){0,4}(?:[-_](?:LR|TR\d+(?:[-_]\d+)?))?"
    r"|P\d{7}|R\d{2}[-_]\d{4}|(?:\w{1,20}[-_])?(?:19|20)\d{6}[-_T]\d{6}"
    r")(?:\.\w{2,4}\b)?(?![^\W_])",
    re.IGNORECASE,
)
# A clause goes on until a mark or a word that begins something else.
_CLAUSE = (
    r"[^\n.,;!?()|]{0,120}?(?=$|[\n,;!?()|]|\.(?:\s|$)"
    r"|\s(?:in|at|on|near|from|by|during|while|along|around|inside|outside|before|after)\s)"
)
_MADE_WITH = re.compile(
    r"\b(?:(?:recorded|captured|filmed|shot|taken|made) (?:with|using|on|by)|aufgenommen mit"
    rf"|enregistrée? avec|grabad[oa] con|registrato con|gravad[oa] com)\b(?P<what>{_CLAUSE})",
    re.IGNORECASE,
)
_GEAR = re.compile(
    r"\b(?:zoom|tascam|sony|olympus|roland|edirol|marantz|sound devices|nagra|audiomoth|iphone|ipad"
    r"|samsung|nokia|canon|nikon|gopro|panasonic|m-audio|fostex|rode|røde|sennheiser|telinga|h[1-6]n?"
    r"|(?:smart ?)?phone|handy|recorder|microphones?|mics?|camera|parabol\w*|pcm|minidisc"
    r"|binaurals?|song ?meter)\b",
    re.IGNORECASE,
)
_DROPPED = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?:https?|ftp)\s?:\s?//\S+|\bwww\.\S+",
        r"(?<![\w.+-])[\w.+-]{1,64}\s?(?:@|\(at\)|\[at\])\s?[\w-]{1,64}(?:\.[\w-]{1,64}){1,4}",
        r"(?<![\w.-])(?:[a-z0-9-]{1,63}\.){1,4}(?:com|org|net|info|io|ly)\b(?:/\S*)?",
        rf"\b(?:uploaded|posted|shared|sent) (?:from|via|with|using|through|by)\b{_CLAUSE}",
        r"(?:\(?©\)?|\(c\)|\bcopyright\b)\s*(?:(?:19|20)\d{2}[^\n.,;]*)?",
        r"\ball rights reserved\b",
        r"\A\s*(?:untitled|(?:new |voice |audio |sound )?(?:recording|memo))\s*\d*\s*\Z",
    )
)
_MACHINE_TAG = re.compile(r"^[\w.-]+:[\w.-]*=|^\w+:\w+=?|=|^\d+$")
_EMPTY_BRACKETS = re.compile(r"\(\s*\)|\[\s*\]|\{\s*\}|\"\s*\"")
_REPEATED_MARKS = re.compile(r"([-_=*~#•|·.,;:/\\!?])(?:\s*\1){2,}|[_=*~#•|]{2,}")
_BEFORE_MARK = re.compile(r"\s+([.,;:!?](?=\s|$))")
_DOUBLED_MARK = re.compile(r"([.,;:])(?:\s*[.,;:])+(?=\s|$)")
_EDGES = " \t\n-–—_,;:|/\\*#~=+&·•"
_WORDS = re.compile(r"\w+")


def own_text(title: str, description: str, tags: Sequence[str]) -> str:
    """Title, description and tags as one line, without repeating anything.

    A title that begins the description is left to it; a tag that the words before name already is
    left out. Empty if nothing but boilerplate was there.
    """
    head, body = cleaned(title), cleaned(description)
    if _folded(body) in _folded(head):
        body = ""
    elif _folded(body).startswith(_folded(head)):
        head = ""
    said = _folded(f"{head} {body}")
    kept: list[str] = []
    for tag in tags[:_MOST_TAGS]:
        word = cleaned_tag(tag)
        folded = _folded(word)
        if folded.strip() and folded not in said:
            kept.append(word)
            said += folded
    sentences = [_sentence(part) for part in (head, body) if part]
    return _shortened(" ".join([*sentences, ", ".join(kept)]).strip())


def cleaned(raw: str) -> str:
    """Text without markup, addresses, file names of devices and what machines write into it."""
    text = text_of(raw[:_LONGEST_READ])
    for pattern in _DROPPED:
        text = pattern.sub(" ", text)
    text = _MADE_WITH.sub(lambda said: " " if _GEAR.search(said["what"]) else said[0], text)
    text = _DEVICE.sub(" ", text)
    text = "\n".join(" ".join(map(_stem, part.split(" "))) for part in text.split("\n"))
    text = _EMPTY_BRACKETS.sub(" ", text)
    text = _REPEATED_MARKS.sub(r"\1", text)
    lines = [part for part in (_tidy(part) for part in text.split("\n")) if part]
    return " ".join([*map(_sentence, lines[:-1]), *lines[-1:]])


def cleaned_tag(raw: str) -> str:
    """A tag as words; empty where machines wrote it, as ``geo:lat=52``."""
    text = text_of(raw[:200])
    if _MACHINE_TAG.search(text):
        return ""
    return " ".join(cleaned(text).replace("_", " ").replace("-", " ").split())


def line(raw: str) -> str:
    """A name on one line, without markup."""
    return " ".join(text_of(raw[:500]).split())


def _stem(word: str) -> str:
    """The words of a file's name: ``church bells`` of ``church_bells.wav``."""
    stem = _SUFFIX.sub("", word)
    return stem.replace("_", " ") if stem != word or word.count("_") > 1 else word


def _tidy(text: str) -> str:
    text = " ".join(text.split())
    text = _DOUBLED_MARK.sub(r"\1", _BEFORE_MARK.sub(r"\1", text))
    text = text.lstrip(_EDGES + ".!?)]}").rstrip(_EDGES + "([{")
    return text if _WORDS.search(text) else ""


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…", "。")) else f"{text}."


def _folded(text: str) -> str:
    """The words alone, between spaces, so that one text is looked for in another."""
    return f" {' '.join(_WORDS.findall(text.casefold()))} "


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    whole, _, _ = text[: _LONGEST - 1].rpartition(" ")
    return f"{whole or text[: _LONGEST - 1]}…"


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
