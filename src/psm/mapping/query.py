"""Queries: words, recordings or both, wanted and unwanted."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from psm.data.recording import AudioSource, CaptionSource
from psm.errors import ConfigError, FaintRecording
from psm.gaussian import Gaussian, combine, concatenate
from psm.inference.queries import EncodedTerm
from psm.mapping.encoding import encode_terms, waveform
from psm.mapping.matching import EncodedQuery, Together
from psm.mapping.moment import source_named
from psm.mapping.term import Term
from psm.model import PSM


@dataclass(frozen=True)
class Combination:
    """What a map is of that no single query asks for, in words: several maps, or a number.

    Attributes:
        label: for people.
        about: more for the metadata of files, by name.
    """

    label: str
    about: tuple[tuple[str, str], ...] = ()

    @property
    def tags(self) -> dict[str, str]:
        """For the metadata of files."""
        return {"query": self.label, **dict(self.about)}


@dataclass(frozen=True, kw_only=True)
class Query:
    """Terms asked together. ``texts`` and ``audio`` are short for wanted terms of weight 1.

    Several wanted terms are a ``blend``, one Gaussian by weight: something like both. With ``all``
    a place must match each of them, with ``any`` one of them. Each unwanted term multiplies the
    match probability by ``(1 - p)**weight``, p being that of the term alone. The equations are in
    :mod:`psm.mapping.matching`.

    Attributes:
        texts: each a wanted term.
        audio: files, each a wanted term.
        terms: with weights, several wordings, or unwanted.
        together: what several wanted terms mean: ``blend``, ``all`` or ``any``.
        templates: wordings that every text is asked in, with ``{}`` for the text; see
            :data:`psm.mapping.term.TEMPLATES`.
        audio_source: the archive whose recordings are meant; unknown to the model by default.
        caption_source: whose captions are meant, likewise.

    Raises:
        ConfigError: there is nothing to ask, a text is empty, or there is no such source.
    """

    texts: tuple[str, ...] = ()
    audio: tuple[Path, ...] = ()
    terms: tuple[Term, ...] = ()
    together: Together = "blend"
    templates: tuple[str, ...] = ()
    audio_source: AudioSource | None = None
    caption_source: CaptionSource | None = None

    def __post_init__(self) -> None:
        if isinstance(self.texts, str):
            raise ConfigError("a query takes a tuple of texts, not one string")
        wanted = [Term(wordings=(text,)) for text in self.texts]
        wanted += [Term(audio=Path(path)) for path in self.audio]
        terms = (*wanted[: len(self.texts)], *self.terms, *wanted[len(self.texts) :])
        if not terms:
            raise ConfigError("a map needs a query: give a text or an audio file")
        if self.together not in get_args(Together):
            raise ConfigError(f"together {self.together!r}: choose blend, all or any")
        for template in self.templates:
            if template.count("{}") != 1:
                raise ConfigError(f"template {template!r}: write {{}} once, for the text")
        for name, value in {
            "texts": tuple(text for term in terms[: len(self.texts)] for text in term.wordings),
            "audio": tuple(Path(path) for path in self.audio),
            "terms": tuple(self.terms),
            "templates": tuple(self.templates),
            "audio_source": source_named("audio source", self.audio_source, AudioSource),
            "caption_source": source_named("caption source", self.caption_source, CaptionSource),
        }.items():
            object.__setattr__(self, name, value)

    @classmethod
    def parse(
        cls,
        *texts: str,
        without: Iterable[str] = (),
        audio: Iterable[str | Path] = (),
        together: Together = "blend",
        templates: Iterable[str] = (),
        audio_source: str | None = None,
        caption_source: str | None = None,
    ) -> Query:
        """From terms as people type them; see :meth:`psm.mapping.term.Term.parse`.

        Args:
            texts: what to hear.
            without: what not to hear.
            audio: recordings to look for.
            together, templates, audio_source, caption_source: as of the class.

        Returns:
            The query.

        Raises:
            ConfigError: a term cannot be read, or there is none.

        Example:
            >>> Query.parse("songbirds*2", "a stream|a brook", without=["traffic"])
        """
        terms = [Term.parse(text) for text in texts]
        for text in without:
            term = Term.parse(text)
            if not term.is_wanted:
                raise ConfigError(f"{text!r} is unwanted twice: leave out the minus")
            terms.append(term.negated())
        terms += [Term.parse_audio(path) for path in audio]
        return cls(
            terms=tuple(terms),
            together=together,
            templates=tuple(templates),
            audio_source=audio_source,  # type: ignore[arg-type]  # checked and turned into one
            caption_source=caption_source,  # type: ignore[arg-type]  # likewise
        )

    @property
    def all_terms(self) -> tuple[Term, ...]:
        """Every term: those of the texts, those with weights, those of the audio files."""
        return (
            *(Term(wordings=(text,)) for text in self.texts),
            *self.terms,
            *(Term(audio=path) for path in self.audio),
        )

    @property
    def label(self) -> str:
        """The query in words, as “church bells” ×2 + rain.wav − “traffic”."""
        between = {"blend": " + ", "all": " and ", "any": " or "}[self.together]
        wanted = between.join(term.label for term in self.all_terms if term.is_wanted)
        unwanted = "".join(f" − {term.label}" for term in self.all_terms if not term.is_wanted)
        return f"{wanted}{unwanted}".strip()

    @property
    def slug(self) -> str:
        """The query in plain words, for the name of a file."""
        words = [
            ("" if term.is_wanted else "not ")
            + (term.audio.stem if term.audio else term.wordings[0])
            for term in self.all_terms
        ]
        return " ".join(words)

    @property
    def tags(self) -> dict[str, str]:
        """What was asked, for the metadata of files; what was not is left out."""
        terms = self.all_terms
        words = [" | ".join(term.wordings) for term in terms if term.wordings and term.is_wanted]
        tags = {
            "query": self.label,
            "query_texts": "; ".join(words),
            "query_audio": "; ".join(term.audio.name for term in terms if term.audio),
            "query_without": "; ".join(term.label for term in terms if not term.is_wanted),
            "query_templates": "; ".join(self.templates),
            "audio_source": self.audio_source or "",
            "caption_source": self.caption_source or "",
        }
        return {name: f"{value}" for name, value in tags.items() if value}

    def gaussian(self, model: PSM) -> Gaussian:
        """The query as one Gaussian, ``(1, dim)``.

        Args:
            model: in evaluation mode.

        Returns:
            ``(1, dim)``.

        Raises:
            ConfigError: unwanted terms, or all or any of several, are more than one; see
                :meth:`encode`.
            CorruptRecording: an audio file cannot be read.
        """
        terms = self.all_terms
        is_one = len(terms) == 1 or self.together == "blend"
        if not is_one or not all(term.is_wanted for term in terms):
            raise ConfigError(f"{self.label} is more than one Gaussian: use Query.encode")
        return self.encode(model).gaussians

    def encode(
        self, model: PSM, recordings: Mapping[Path, EncodedTerm] | None = None
    ) -> EncodedQuery:
        """The query as Gaussians: what is wanted, combined if a blend, and each unwanted term.

        Args:
            model: in evaluation mode.
            recordings: audio terms that are encoded already; their files are not read.

        Returns:
            The Gaussians ``(terms, dim)`` with their weights, and how familiar each is.

        Raises:
            ConfigError: the model does not know about the sources.
            CorruptRecording: an audio file cannot be read.
        """
        for name in ("audio_source", "caption_source"):
            context = model.config.context
            knows = context.depth > 0 and name in context.fields
            if getattr(self, name) is not None and not knows:
                raise ConfigError(
                    f"{model.config.name} was not trained on the {name}: leave it out"
                )
        terms = self.all_terms
        encoded = encode_terms(model, terms, self.templates or ("{}",), recordings or {})
        pairs = list(zip(terms, encoded, strict=True))
        wanted = [(term.weight, *found) for term, found in pairs if term.is_wanted]
        unwanted = [(-term.weight, *found) for term, found in pairs if not term.is_wanted]
        if self.together == "blend" and wanted:
            weights, parts, known = zip(*wanted, strict=True)
            blend = parts[0] if len(parts) == 1 else combine(parts, weights)
            wanted = [(1.0, blend, [part for term in known for part in term])]
        powers, gaussians, familiar = zip(*wanted, *unwanted, strict=True)
        asked, about = concatenate(gaussians), model.uncertainty
        query = EncodedQuery(
            gaussians=asked,
            powers=powers,
            wanted=len(wanted),
            is_any=self.together == "any",
            opinions=None if about is None else about.opinions(asked),
            is_variance_known=model.config.heads.probabilistic,
        )
        return query.with_familiarity(familiar, model.config.name) if any(familiar) else query

    def require_recordings(self, model: PSM) -> None:
        """Read every audio file, to be told what is wrong with it before longer work begins.

        Args:
            model: how it wants them.

        Raises:
            CorruptRecording: an audio file cannot be read, or nothing of it would be heard.
            MissingExtra: one takes ffmpeg, and there is none.
        """
        with warnings.catch_warnings(action="ignore", category=FaintRecording):  # said when asked
            for term in self.all_terms:
                if term.audio:
                    waveform(model, term.audio)

    def without(self, *texts: str) -> Query:
        """The same query, with more that is not to be heard.

        Args:
            texts: as people type them; see :meth:`psm.mapping.term.Term.parse`.

        Returns:
            Another query.

        Raises:
            ConfigError: a text cannot be read.
        """
        more = tuple(Term.parse(text).negated() for text in texts)
        return replace(self, terms=(*self.terms, *more))
