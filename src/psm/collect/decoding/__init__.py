"""Decodes fetched media to checked clips and log-mels, in confined processes.

:mod:`pool` hands files to processes, :mod:`worker` is such a process, :mod:`clip` what it does with
a file; :mod:`psm.data.sound` reads the part of it that is used.
"""

from __future__ import annotations

from psm.collect.decoding.job import DecodedClip, DecodingJob, FileLimits
from psm.collect.decoding.pool import DecoderPool

__all__ = ["DecodedClip", "DecoderPool", "DecodingJob", "FileLimits"]
