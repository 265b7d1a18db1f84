"""Labels of recordings, for the loss that names them: which there are, and who has which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from psm.data.recording import Recording
from psm.model import PSM


@dataclass(frozen=True)
class Labels:
    """The labels of a data set, as texts, and those of each recording.

    Attributes:
        names: every label that a recording has, in alphabetical order.
        of_recordings: which of them each has; a recording with none is not labelled.
    """

    names: tuple[str, ...]
    of_recordings: Bool[Tensor, "recordings labels"]

    @classmethod
    def find(cls, recordings: Sequence[Recording]) -> Labels | None:
        """The labels of ``recordings``, from their ``sounds``; ``None`` where nobody has any."""
        names = tuple(sorted({name for recording in recordings for name in recording.sounds}))
        if not names:
            return None
        column = {name: number for number, name in enumerate(names)}
        table = torch.zeros(len(recordings), len(names), dtype=torch.bool)
        for row, recording in enumerate(recordings):
            for name in recording.sounds:
                table[row, column[name]] = True
        return cls(names, table)

    @property
    def shares(self) -> Float[Tensor, " labels"]:
        """How often each is given, among labelled recordings."""
        return self.of_recordings[self.of_recordings.any(dim=1)].float().mean(dim=0)

    def texts(self, model: PSM) -> Float[Tensor, "labels features"] | list[str]:
        """What the text side of ``model`` learns from: features where its tower is frozen."""
        if not model.config.text_tower.frozen:
            return list(self.names)
        return model.text_features(self.names)
