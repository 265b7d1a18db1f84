"""Report of map truth: a score for each sound, their summary, JSON and table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from rich import box
from rich.table import Table

from psm.evaluation.agreement import SignScore
from psm.evaluation.reliability import Reliability, RiskCoverage
from psm.evaluation.soundcalibration import SoundCalibration

MIN_CASES = 20
"""Sounds with fewer judged cases do not enter the averages of signs."""


@dataclass(frozen=True, kw_only=True)
class SoundScore:
    """One sound's maps against the truth. NaN: the truth gives nothing to judge.

    Attributes:
        sound: its name.
        spearman: rank correlation over all cells, months and hours together.
        spearman_single_time: mean of the rank correlations of single maps.
        auc: separation of the cells where the sound is likely, all times together.
        likely_share: share of those cells.
        ece: expected calibration error of this sound's match probability.
        skill: share of this sound's variance of the truth that its maps explain.
        diurnal_peak_error_h: median over cells with a clear true daily rhythm; 6 is chance.
        seasonal_peak_error_months: likewise over the year; 3 is chance.
        day_night_sign: share of judged cells whose day/night contrast has the right sign.
        season_sign_north, season_sign_south: the same for summer/winter.
    """

    sound: str
    spearman: float
    spearman_single_time: float
    auc: float
    likely_share: float
    ece: float
    skill: float
    diurnal_peak_error_h: float
    seasonal_peak_error_months: float
    day_night_sign: float
    season_sign_north: float
    season_sign_south: float


@dataclass(frozen=True, kw_only=True)
class GroupScore:
    """Maps of a group of sounds against the truth.

    Attributes:
        sounds: of the group.
        skill: share of the truth's variance explained, the group's maps pooled.
        skill_median, spearman_median, auc_median, ece_median: over the sounds of the group;
            ``None`` where none of them has the measure.
    """

    sounds: tuple[str, ...]
    skill: float
    skill_median: float | None
    spearman_median: float | None
    auc_median: float | None
    ece_median: float | None


@dataclass(frozen=True, kw_only=True)
class MapReport:
    """Map truth of one model.

    Attributes:
        model: its name.
        sounds: one score a sound.
        signs: contrasts by ``day_night``, ``north`` and ``south``, arrays over sounds.
        reliability: of the match probability as it is, all maps pooled.
        risk: absolute error of the probability against coverage, by what orders the cells.
        rank_risk: the same for the error in rank, which no miscalibration can touch.
        likely: true probability from which a cell is likely.
        cells, months, hours: what was mapped.
        by_sound: calibration of each sound alone.
        calibrated: the same maps with calibrated probabilities, where the model has a calibration.
        groups: sounds that are reported apart, by the group's name.
    """

    model: str
    sounds: tuple[SoundScore, ...]
    signs: Mapping[str, SignScore]
    reliability: Reliability
    risk: Mapping[str, RiskCoverage]
    rank_risk: Mapping[str, RiskCoverage]
    likely: float
    cells: int
    months: tuple[int, ...]
    hours: tuple[float, ...]
    by_sound: SoundCalibration | None = None
    calibrated: MapReport | None = None
    groups: Mapping[str, GroupScore] = field(default_factory=dict)

    def median(self, measure: str) -> float | None:
        """Median over sounds of one measure.

        Args:
            measure: an attribute of :class:`SoundScore`, as ``spearman``.

        Returns:
            The median over sounds that have it; ``None`` without any.
        """
        return median([getattr(score, measure) for score in self.sounds])

    def sign_correct(self, *contrasts: str) -> float | None:
        """Mean over sounds of the share of cells whose contrasts have the right sign.

        Args:
            contrasts: of ``day_night``, ``north`` and ``south``.

        Returns:
            The mean over sounds with enough judged cases; ``None`` without any.
        """
        shares = [
            score.correct[score.cases >= MIN_CASES]
            for name, score in self.signs.items()
            if name in contrasts
        ]
        values = np.concatenate(shares) if shares else np.zeros(0)
        return float(values.mean()) if len(values) else None

    def sounds_correct(self, *contrasts: str) -> tuple[int, int]:
        """How many sounds have the right sign over all their judged cells.

        Args:
            contrasts: of ``day_night``, ``north`` and ``south``.

        Returns:
            Sounds that are right, and sounds judged.
        """
        right = judged = 0
        for name, score in self.signs.items():
            if name in contrasts:
                enough = score.cases >= MIN_CASES
                right += int((score.correct_overall & enough).sum())
                judged += int(enough.sum())
        return right, judged

    def to_json(self) -> dict[str, Any]:
        """JSON-ready; numbers that do not exist are ``null``."""
        curve = self.reliability
        return {
            "model": self.model,
            "spearman": {score.sound: _finite(score.spearman) for score in self.sounds},
            "spearman_median": self.median("spearman"),
            "spearman_single_time_median": self.median("spearman_single_time"),
            "auc": {score.sound: _finite(score.auc) for score in self.sounds},
            "auc_median": self.median("auc"),
            "diurnal_peak_error_h_median": self.median("diurnal_peak_error_h"),
            "seasonal_peak_error_months_median": self.median("seasonal_peak_error_months"),
            "diurnal_sign_correct": self.sign_correct("day_night"),
            "diurnal_sounds_correct": self.sounds_correct("day_night"),
            "seasonal_sign_correct": self.sign_correct("north", "south"),
            "seasonal_sign_correct_north": self.sign_correct("north"),
            "seasonal_sign_correct_south": self.sign_correct("south"),
            "seasonal_sounds_correct_north": self.sounds_correct("north"),
            "seasonal_sounds_correct_south": self.sounds_correct("south"),
            "ece": curve.ece,
            "skill": _finite(curve.skill),
            "reliability": {
                "predicted": [_finite(value) for value in curve.predicted],
                "truth": [_finite(value) for value in curve.truth],
                "count": curve.count.tolist(),
            },
            "risk_coverage": {by: _risk_json(risk) for by, risk in self.risk.items()},
            "rank_risk_coverage": {by: _risk_json(risk) for by, risk in self.rank_risk.items()},
            "likely_from": self.likely,
            "cells": self.cells,
            "months": list(self.months),
            "hours": list(self.hours),
            "sounds": [
                {name: _finite(value) for name, value in asdict(score).items()}
                for score in self.sounds
            ],
            **({"by_sound": self.by_sound.to_json()} if self.by_sound else {}),
            **({"calibrated": self.calibrated.to_json()} if self.calibrated else {}),
            **({"groups": self._groups_json()} if self.groups else {}),
        }

    def _groups_json(self) -> dict[str, Any]:
        return {
            name: {key: _finite(value) for key, value in asdict(group).items()}
            for name, group in self.groups.items()
        }


def median(values: Sequence[float]) -> float | None:
    """Median of the numbers that there are; ``None`` without any."""
    found = np.array(values, float)
    kept = found[np.isfinite(found)]
    return float(np.median(kept)) if len(kept) else None


def _finite(value: Any) -> Any:
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value


def _risk_json(curve: RiskCoverage) -> dict[str, Any]:
    return {
        "area": curve.area,
        "area_random": curve.random,
        "area_oracle": float(curve.oracle.mean()),
        "gain": _finite(curve.gain),
    }


_COLUMNS = (
    ("Spear-\nman", "spearman", "{:.2f}"),
    ("one\nmap", "spearman_single_time", "{:.2f}"),
    ("AUC", "auc", "{:.2f}"),
    ("likely", "likely_share", "{:.1%}"),
    ("ECE", "ece", "{:.2f}"),
    ("peak\n±h", "diurnal_peak_error_h", "{:.1f}"),
    ("peak\n±mo", "seasonal_peak_error_months", "{:.1f}"),
    ("day/\nnight", "day_night_sign", "{:.0%}"),
    ("season\nnorth", "season_sign_north", "{:.0%}"),
    ("season\nsouth", "season_sign_south", "{:.0%}"),
)


def map_table(report: MapReport) -> Table:
    """The scores of every sound for the terminal, with a line of summary."""
    summary = "\n".join(
        f"{kind}: ECE {one.reliability.ece:.4f}, share of the truth's variance explained "
        f"{_show(_finite(one.reliability.skill), '{:.0%}')}"
        for kind, one in (("all maps together", report), ("calibrated", report.calibrated))
        if one is not None
    )
    summary += "".join(
        f"\n{kind}, {name} ({', '.join(group.sounds)}): variance explained "
        f"{_show(_finite(group.skill), '{:.0%}')}, median Spearman "
        f"{_show(group.spearman_median, '{:.2f}')}, ECE {_show(group.ece_median, '{:.4f}')}"
        for kind, one in (("raw", report), ("calibrated", report.calibrated))
        if one is not None
        for name, group in one.groups.items()
    )
    table = Table(
        title=f"Maps against the truth: {report.model}, {report.cells:,} cells, "
        f"{len(report.months)} months x {len(report.hours)} hours",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_footer=True,
        header_style="bold",
        padding=0,
        caption=f"{summary}\n"
        "likely: share of cells where the sound is in at least "
        f"{report.likely:.0%} of recordings; signs: share of cells right where the truth differs",
        caption_justify="left",
    )
    table.add_column("sound", footer="median over sounds", no_wrap=True)
    for heading, measure, style in _COLUMNS:
        median = _show(report.median(measure), style)
        table.add_column(heading, justify="right", footer=median, no_wrap=True)
    for score in report.sounds:
        cells = (_show(_finite(getattr(score, name)), style) for _, name, style in _COLUMNS)
        table.add_row(score.sound, *cells)
    return table


def _show(value: float | None, style: str) -> str:
    return "–" if value is None else style.format(value)
