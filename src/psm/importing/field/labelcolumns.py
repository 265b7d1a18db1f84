"""Columns of tables of detections, and what their cells mean.

The forms are those of BirdNET-Analyzer (selection tables, CSV, for R, Kaleidoscope), Raven Pro,
Kaleidoscope Pro, perch-hoplite, opensoundscape, Arbimon, ecoSound-web, xeno-canto annotations,
Darwin Core and iNaturalist; any table whose columns are called alike is read the same way.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from psm.data.dateforms.intervals import ends
from psm.data.dates import read_date
from psm.importing.field.labels import Presence
from psm.importing.tablereader import SYNONYMS

COLUMNS: dict[str, tuple[str, ...]] = {
    "file": ("begin_path", "begin_file", "in_file", *SYNONYMS["audio"], "audio", "source_file",
             "associated_media", "sound_url", "xc_nr"),
    "selection": (),
    "offset_s": ("file_offset_s", "file_offset"),
    "start_s": ("begin_time_s", "begin_time", "start", "start_time", "start_time_s", "begin",
                "start_offset_s", "start_offset", "window_start", "offset", "min_time", "onset",
                "onset_s", "start_seconds", "start_sec", "x1"),
    "end_s": ("end_time_s", "end_time", "end", "stop", "end_offset_s", "end_offset", "window_end",
              "max_time", "end_seconds", "end_sec", "offset_end", "x2"),
    "duration_s": ("duration", "delta_time_s", "length_s"),
    "when": ("time_observed_at", "event_date", "observed_at"),
    "when_day": ("observed_on",),
    "when_time": ("event_time",),
    "scientific": ("scientific_name", "latin_name", "scientific"),
    "common": ("common_name", "vernacular_name", "english_name", "top1match"),
    "code": ("species_code", "ebird_code"),
    "by_hand": ("manual_id",),
    "by_machine": ("auto_id",),
    "word": ("label", "annotation", "annotations", "species", "species_name", "class", "class_name",
             "category", "tag", "call_type", "primary_label", "name"),
    "sound_type": ("songtype",),
    "confidence": ("probability", "prob", "conf"),
    "score": ("logit", "logits", "correlation"),
    "status": ("label_type", "validated", "occurrence_status", "presence"),
    "uncertain": (),
    "verification": ("identification_verification_status",),
    "creator": ("creator_type",),
    "low_hz": ("low_freq_hz", "low_freq", "low_f", "frequency_low", "min_freq", "fmin", "y1"),
    "high_hz": ("high_freq_hz", "high_freq", "high_f", "frequency_high", "max_freq", "fmax", "y2"),
    "lat": ("decimal_latitude", "latitude"),
    "lon": ("decimal_longitude", "longitude"),
    "accuracy_m": ("public_positional_accuracy", "coordinate_uncertainty_in_meters",
                   "positional_accuracy"),
    "obscured": ("coordinates_obscured",),
}  # fmt: skip
"""Other names of the columns by ours. Case, blanks and signs do not matter."""

NAMES = ("scientific", "common", "code", "by_hand", "by_machine", "word", "sound_type")
"""Columns that say what is heard."""

OF_RAVEN = frozenset(
    {"selection", "view", "channel", "begintimes", "endtimes", "lowfreqhz", "highfreqhz",
     "beginfile", "endfile", "beginpath", "endpath", "fileoffsets", "beginclocktime",
     "endclocktime", "begindate", "enddate", "begindatetime", "deltatimes", "deltafreqhz",
     "avgpowerdensitydbfshz", "peakfreqhz", "lengthframes", "confidence"}
)  # fmt: skip
"""Measurements of a selection table: none of them says what is heard."""

_NOTHING = frozenset({"nocall", "no call", "noid", "no id"})
_ABSENT = frozenset({"negative", "absent", "not present", "not_present", "false positive"})
_UNDECIDED = frozenset({"uncertain", "unsure", "unknown", "undecided"})
_CHECKED = frozenset({"positive", "present", "correct", "true positive"})
_TRUE = frozenset({"1", "true", "yes", "t", "y"})
_BOTH_NAMES = re.compile(r"(?P<scientific>[^_,]+)(?:_|, )(?P<common>.+)")
_BINOMIAL = re.compile(r"[A-Z][a-zë-]+(?: [a-zë-]{2,}){1,2}(?= [A-Z(]|$)")


def is_nothing(name: str) -> bool:
    """Whether a name says that nothing was found."""
    return name.casefold() in _NOTHING


def without_author(name: str) -> str:
    """A scientific name without who described it: "Turdus merula Linnaeus, 1758"."""
    match = _BINOMIAL.match(name)
    return name if match is None else match[0]


def both_names(word: str, *, is_sure: bool = False) -> tuple[str, str]:
    """Scientific and common name in the words that BirdNET writes; empty where it is one name.

    Args:
        word: ``Turdus merula_Eurasian Blackbird``, or with a comma, as BirdNET once wrote.
        is_sure: it is known to be BirdNET's; then it need not be a species.
    """
    match = _BOTH_NAMES.fullmatch(word)
    if match is None or not (is_sure or _BINOMIAL.fullmatch(match["scientific"])):
        return "", ""
    return match["scientific"], match["common"]


def presence_of(status: str, uncertain: str) -> tuple[Presence, bool]:
    """What a verdict says of a sound, and whether there is one that a person gave."""
    verdict = status.casefold().strip()
    if verdict in _ABSENT:
        return Presence.ABSENT, True
    if verdict in _UNDECIDED or uncertain.casefold() in _TRUE:
        return Presence.UNDECIDED, False
    return Presence.PRESENT, verdict in _CHECKED


def is_true(text: str) -> bool:
    """Whether a cell says yes."""
    return text.casefold() in _TRUE


def times_of(
    when: str, day: str, clock: str
) -> tuple[datetime | None, timedelta | None, float | None, str]:
    """Begin, its offset, length in seconds and day of an observation, as far as they are written.

    Args:
        when: a moment, or an interval of two.
        day: the day, where there is no moment.
        clock: time of that day, or an interval of two.
    """
    text = " ".join(filter(None, (when or day, clock)))
    both = ends(text)
    first = read_date(text if both is None else both[0], day_first=None)
    if first.year is None or first.month is None or first.day is None:
        return None, None, None, ""
    written = f"{first.year:04d}-{first.month:02d}-{first.day:02d}"
    if first.time is None:
        return None, None, None, written
    begin = datetime.combine(datetime(first.year, first.month, first.day), first.time)
    last = None if both is None else read_date(both[1], day_first=None)
    length_s = None
    if last is not None and last.year and last.month and last.day and last.time:
        end = datetime.combine(datetime(last.year, last.month, last.day), last.time)
        length_s = max(0.0, (end - begin).total_seconds())
    return begin, first.offset, length_s, written
