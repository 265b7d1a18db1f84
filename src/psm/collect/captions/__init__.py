"""Captions: the recordist's own words, those of models that listen or look, and which is best."""

from psm.collect.captions.caption import Caption, best, meta_caption
from psm.collect.captions.captioner import Captioner
from psm.collect.captions.hub import HubCaptioner
from psm.collect.captions.imagery import ImageCaptioner
from psm.collect.captions.scoring import ClapScorer

__all__ = [
    "Caption",
    "Captioner",
    "ClapScorer",
    "HubCaptioner",
    "ImageCaptioner",
    "best",
    "meta_caption",
]
