"""Parts that differ by the kind of heads: with a codebook, tokens are kept until the heads."""

from __future__ import annotations

from typing import TypeVar

from psm.config import ModelConfig
from psm.encoders.audioencoding import AudioTower
from psm.encoders.codebook import Absent, Codebook, CodebookHead
from psm.encoders.fusion import ContextFusion, Fusion, TokenFusion
from psm.encoders.heads import GaussianHead
from psm.encoders.places import PlaceEncoder, build_place_encoder
from psm.encoders.satellite import SatelliteEncoder
from psm.encoders.textencoding import TextTower
from psm.errors import ConfigError
from psm.reference import PointHead, PublishedEncoding, PublishedTokenFusion

Head = GaussianHead | CodebookHead | PointHead
Tower = TypeVar("Tower", AudioTower, TextTower)


def build_satellite(config: ModelConfig) -> PlaceEncoder:
    """The place encoder: one vector a view or what features come to, or the tokens of a view.

    Raises:
        PSMError: the weights that it is to start from do not fit, or tokens are wanted of features.
    """
    if config.satellite.features is not None:
        if config.has_tokens:
            raise ConfigError(
                f"model.satellite.kind: {config.satellite.kind} gives no tokens, which "
                "heads.kind=codebook needs"
            )
        return build_place_encoder(config.satellite, config.imagery, config.place_dim)
    return SatelliteEncoder(
        config.satellite,
        config.imagery,
        config.place_dim,
        as_tokens=config.has_tokens,
        normed=not (config.has_tokens and config.reference),
    )


def build_fusion(config: ModelConfig) -> Fusion | None:
    """What joins image and context; ``None`` in a model that sees the image alone."""
    if not config.context.depth:
        return None
    encoding = PublishedEncoding() if config.reference else None
    if not config.has_tokens:
        return ContextFusion(config.context, config.place_dim, encoding)
    kind = PublishedTokenFusion if config.reference else TokenFusion
    return kind(config.context, config.place_dim, encoding)


def build_codebook(config: ModelConfig) -> Codebook | None:
    """The codes that the heads share; ``None`` where heads give Gaussians."""
    heads = config.heads
    return Codebook(heads.codes, config.dim, heads.temperature) if config.has_tokens else None


def location_head(config: ModelConfig, codebook: Codebook | None) -> Head:
    """From what a place comes to, with its context, to a Gaussian."""
    if codebook is not None:
        absent: Absent = "counted" if config.reference else "left out"
        return CodebookHead(config.place_dim, codebook, absent)
    if config.reference and not config.heads.probabilistic:
        return PointHead()
    return GaussianHead(config.dim, config.dim, config.heads)


def tower_head(
    config: ModelConfig, tower: AudioTower | TextTower, codebook: Codebook | None
) -> GaussianHead | CodebookHead:
    """From what a tower says of a recording or a caption to a Gaussian.

    Raises:
        ConfigError: the heads choose among codes by tokens, and the tower gives none.
    """
    if codebook is None:
        return GaussianHead(tower.out_dim, config.dim, config.heads)
    is_audio = isinstance(tower, AudioTower)
    if tower.token_dim is None:
        part = "audio_tower" if is_audio else "text_tower"
        raise ConfigError(
            f"model.{part}: {getattr(config, part).kind} gives no tokens, which "
            "heads.kind=codebook needs; see docs/training.md for those that do"
        )
    if is_audio:  # all of its tokens are there
        return CodebookHead(tower.token_dim, codebook, "counted")
    return CodebookHead(tower.token_dim, codebook, "zeroed" if config.reference else "left out")
