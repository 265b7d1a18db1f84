"""Recipes of adaptation: what of a trained model learns, by how many recordings there are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from torch import nn

from psm.errors import ConfigError
from psm.model import PSM

Learns = Literal["heads", "last", "all"]
LEARNS: dict[Learns, str] = {
    "heads": "the heads and the context fusion",
    "last": "these and the last block of both towers",
    "all": "everything but the text tower",
}
"""What learns, in words; each with everything before it."""

LEAST_RECORDINGS, LEAST_PLACES = 30, 3
"""Fewer cannot be told apart from chance by folds of places."""

_ALL_FROM = 2_000
"""Of 1,000 recordings the last blocks too learn no more than heads and fusion alone, at four times
the cost (``docs/own-recordings.md``)."""

_CHECKPOINTS = (10, 20, 40, 80)
_MORE_CHECKPOINTS = ((500, 160), (_ALL_FROM, 320))
"""Of 200 recordings heads and fusion learn the most in 10 to 40 steps, and then by heart."""

_TOWER_CHECKPOINTS = (20, 40, 80, 160)


@dataclass(frozen=True)
class Recipe:
    """How a model learns from few recordings.

    Rates are low, since the model knows something already, and lowest for towers, which know most.
    What is judged and kept is a running mean of the
    weights (Polyak & Juditsky 1992), which a short training with a constant rate wants.

    Attributes:
        learns: which parts.
        checkpoints: steps after which the model is judged; the last one ends the training.
        batch_size: recordings of a step; all, where there are fewer.
        learning_rate: of heads and fusion.
        tower_rate: of the towers, as far as they learn.
        averaged: share of the weights' mean that a step renews.
    """

    learns: Learns
    checkpoints: tuple[int, ...] = _CHECKPOINTS
    batch_size: int = 128
    learning_rate: float = 3e-4
    tower_rate: float = 3e-5
    averaged: float = 0.05

    @property
    def uses_features(self) -> bool:
        """Whether towers stay as they are, so that what they say is computed once."""
        return self.learns == "heads"

    def learning(self, model: PSM) -> Iterator[tuple[nn.Module, float]]:
        """The modules of a model that learn, each with its rate."""
        heads: list[nn.Module] = [model.location_head, model.audio_head, model.text_head]
        joined = [part for part in (model.codebook, model.fusion) if part is not None]
        for part in [*heads, *joined]:
            yield part, self.learning_rate
        if self.learns == "all":
            yield model.satellite, self.tower_rate
            yield model.audio, self.tower_rate
        if self.learns == "last":
            for part in (*model.satellite.last_layers(), *model.audio.last_layers()):
                yield part, self.tower_rate


def recipes_for(recordings: int, learns: Learns | None = None) -> tuple[Recipe, ...]:
    """The recipes worth trying for so many recordings, the one that changes least first.

    Args:
        recordings: how many there are to learn from.
        learns: the one that is asked for; by default those that so many recordings can teach.

    Raises:
        ConfigError: there are too few to learn from.
    """
    require_enough(recordings)
    more = [step for least, step in _MORE_CHECKPOINTS if recordings >= least]
    heads = Recipe("heads", checkpoints=(*_CHECKPOINTS, *more))
    if learns is not None:
        deep = Recipe(learns, checkpoints=_TOWER_CHECKPOINTS)
        return (heads if learns == "heads" else deep,)
    if recordings >= _ALL_FROM:
        return heads, Recipe("all", checkpoints=_TOWER_CHECKPOINTS)
    return (heads,)


def require_enough(recordings: int) -> None:
    """Refuse to learn from next to nothing.

    Raises:
        ConfigError: there are fewer recordings than :data:`LEAST_RECORDINGS`.
    """
    if recordings < LEAST_RECORDINGS:
        raise ConfigError(
            f"{recordings} recordings are too few to adapt to: {LEAST_RECORDINGS} at "
            f"{LEAST_PLACES} places are the least by which a gain can be told from chance, and "
            "200 at a dozen places are a good beginning"
        )
