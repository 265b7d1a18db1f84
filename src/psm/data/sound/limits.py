"""Limits of what is decoded: which part of a recording, how long, how large."""

from __future__ import annotations

from dataclasses import dataclass

from psm.data.untrusted import ENDLESS_S, is_cut_short, is_plausible
from psm.errors import UnusableSound

EXPORT = "export the recording again"


@dataclass(frozen=True)
class Limits:
    """What is read of a recording, and what of it is too much.

    Attributes:
        kept_s: length that is wanted, all of it by default.
        from_s: where that begins; by default it is the middle.
        longest_s: a longer recording is refused.
        most_mb: memory that its samples may take.
    """

    kept_s: float | None
    longest_s: float
    most_mb: float
    from_s: float | None = None

    def part(self, frames: int, rate_hz: int) -> tuple[int, int]:
        """First and last sample that are kept, of so many.

        Raises:
            UnusableSound: the part that is wanted lies behind the end.
        """
        if self.kept_s is None:
            return 0, frames
        wanted = min(frames, round(self.kept_s * rate_hz))
        if self.from_s is None:
            first = (frames - wanted) // 2
            return first, first + wanted
        first = round(self.from_s * rate_hz)
        if first >= frames:
            raise UnusableSound(
                "the clip lies behind the end",
                detail=f"at {self.from_s:g} of {frames / rate_hz:g} s",
            )
        return first, min(frames, first + wanted)

    def require_length(self, seconds: float) -> None:
        """Refuse what is longer."""
        if seconds <= self.longest_s:
            return
        if seconds > ENDLESS_S:
            raise UnusableSound("endless by its header", detail=f"{seconds:.3g} s", fix=EXPORT)
        hours = self.longest_s / 3600
        most = f"{hours:g} hours" if hours >= 1 else f"{self.longest_s:g} s"
        raise UnusableSound(f"longer than {most}", fix="cut it into clips")

    def require_room(self, samples: int, channels: int) -> None:
        """Refuse what takes more memory."""
        size_mb = samples * channels * 4 / 2**20
        if size_mb > self.most_mb:
            raise UnusableSound(
                "too large when decoded", detail=f"{size_mb:,.0f} MB", fix="cut it into clips"
            )


def require_plausible(*, channels: int, rate_hz: int) -> None:
    """Refuse what nobody recorded."""
    if not is_plausible(channels=channels, rate_hz=rate_hz):
        raise UnusableSound(
            "implausible channels or sample rate", detail=f"{channels} channels, {rate_hz} Hz",
            fix="export it as stereo at 48 kHz",
        )  # fmt: skip


def require_found(found: int, said: int, rate_hz: int) -> None:
    """Refuse what holds less than it says."""
    if found == 0 and said == 0:
        raise UnusableSound("no samples", fix="leave it out")
    if found == 0 or is_cut_short(found_s=found / rate_hz, said_s=said / rate_hz):
        raise UnusableSound(
            "cut short", detail=f"{found / rate_hz:.1f} s of {said / rate_hz:.1f} s", fix=EXPORT
        )
