"""Settings of acoustic indices and levels: all that changes a number, kept beside the table."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

INDICES = ("aci", "adi", "aei", "bi", "ndsi", "h")
"""Names of the acoustic indices, as columns."""

LEVELS = ("leq", "laeq", "la10", "la50", "la90")
"""Names of the levels; as columns they end in ``_dbfs``, or in ``_db`` where they are absolute."""


class IndexSettings(BaseModel):
    """How indices and levels are computed; the defaults are those of the papers.

    Attributes:
        rate_hz: recordings are resampled to this rate first; ``None``: as they are.
        window: samples of a frame of the spectrogram (Hann, half overlapping).
        biophony_khz, anthrophony_khz: bands of NDSI (Kasten et al. 2012), whole kilohertz.
        bioacoustic_hz: band of BI (Boelman et al. 2007).
        diversity_top_hz, diversity_step_hz: highest frequency and bands of ADI and AEI
            (Villanueva-Rivera et al. 2011).
        diversity_threshold_db: below the loudest point; a quieter one counts as empty.
        block_s: length of the short levels that percentiles are of.
        shortest_s: clips below have no indices.
        longest_s: clips above are refused; their spectrogram would not fit into memory.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate_hz: int | None = Field(default=None, ge=1000, le=768_000)
    window: int = Field(default=1024, ge=64)
    biophony_khz: tuple[int, int] = (2, 8)
    anthrophony_khz: tuple[int, int] = (1, 2)
    bioacoustic_hz: tuple[int, int] = (2000, 8000)
    diversity_top_hz: int = 10_000
    diversity_step_hz: int = 1000
    diversity_threshold_db: float = -50.0
    block_s: float = Field(default=0.125, gt=0.0)
    shortest_s: float = Field(default=1.0, gt=0.0)
    longest_s: float = Field(default=600.0, gt=0.0)

    @property
    def tops_hz(self) -> dict[str, int]:
        """The highest frequency that an index listens to, of those that have one."""
        return {
            "adi": self.diversity_top_hz,
            "aei": self.diversity_top_hz,
            "bi": self.bioacoustic_hz[1],
            "ndsi": 1000 * self.biophony_khz[1],
        }
