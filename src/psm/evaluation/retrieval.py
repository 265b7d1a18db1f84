"""Retrieval ranks, under the name that scripts call them by; the work is in :mod:`psm.ranks`."""

from psm.ranks import retrieval_ranks

__all__ = ["retrieval_ranks"]
