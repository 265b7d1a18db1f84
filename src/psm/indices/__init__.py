"""Acoustic indices and sound levels of recordings: columns beside place and time.

:mod:`sources` lists the clips of a folder, a table or shards; :mod:`acoustic` computes indices by
scikit-maad, :mod:`levels` sound levels, :mod:`shardlevels` what log-mels still tell of them;
:mod:`table` does all clips in parallel and writes the table.
"""

from __future__ import annotations

from psm.indices.acoustic import acoustic_indices
from psm.indices.levels import sound_levels
from psm.indices.settings import IndexSettings
from psm.indices.sources import open_source
from psm.indices.table import write_indices

__all__ = ["IndexSettings", "acoustic_indices", "open_source", "sound_levels", "write_indices"]
