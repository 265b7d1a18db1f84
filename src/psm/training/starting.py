"""Start of a training from a trained model: its settings, its weights, and what it learnt from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from psm import checkpoints
from psm.config import Experiment, ModelConfig
from psm.errors import CheckpointMismatch
from psm.experiments import load_experiment, with_overrides
from psm.imagery import BlueMarble
from psm.model import PSM
from psm.provenance import DataSet, Provenance

_SHOWN = 12  # characters of a fingerprint: enough to tell weights apart


@dataclass(frozen=True)
class Start:
    """A trained model that another one begins from.

    Attributes:
        name: as it was asked for.
        folder: of the model.
        weights: fingerprint of its weights.
    """

    name: str
    folder: Path
    weights: str

    @classmethod
    def of(cls, model: str | Path) -> Self:
        """The model of a folder, of the package, or of the hub.

        Args:
            model: a folder, ``owner/name`` on the hub, or the name of one of the package.

        Returns:
            It, by its weights; they are not loaded yet.

        Raises:
            MissingData: there is none.
            CheckpointMismatch: its weights are broken.
        """
        folder = checkpoints.resolve(model)
        return cls(str(model), folder, checkpoints.weights_fingerprint(folder))

    @property
    def sees_blue_marble(self) -> bool:
        """Whether the pictures that it was trained on are those that come with the package."""
        return self.model.imagery.name == BlueMarble.name

    @property
    def model(self) -> ModelConfig:
        """What it was built from."""
        return checkpoints.read_experiment(self.folder).model

    def experiment(
        self, preset: str | Path | None = None, overrides: Mapping[str, Any] | None = None
    ) -> Experiment:
        """What is to be trained: this model, by a recipe.

        Args:
            preset: whose loss and recipe are taken; by default those that the model was trained by.
            overrides: dotted keys to values, as of :func:`psm.experiments.load_experiment`.

        Returns:
            The experiment for :func:`psm.training.train`.

        Raises:
            ConfigError: the preset is unknown or a setting does not fit.
        """
        own = checkpoints.read_experiment(self.folder)
        recipe = own if preset is None else load_experiment(preset)
        values = recipe.model_dump(mode="json")
        values["model"] = own.model.model_dump(mode="json")
        values["training"]["started_from"] = f"{own.model.name} ({self.weights[:_SHOWN]})"
        return with_overrides(values, overrides or {}, origin=self.name)

    def load_into(self, model: PSM) -> None:
        """Give a model these weights, every one of them.

        Args:
            model: of the settings of :meth:`experiment`; changed.

        Raises:
            CheckpointMismatch: a tensor is missing, left over or of another shape: a setting was
                changed that changes them.
        """
        try:
            checkpoints.load_weights(model, self.folder)
        except CheckpointMismatch as problem:
            raise CheckpointMismatch(
                f"{problem}; leave the settings of the model as {self.name} has them"
            ) from None

    def provenance(self, data: DataSet) -> Provenance:
        """What a model has learnt from that began here and went on with other data.

        Args:
            data: that it went on with.

        Returns:
            Both, in their order.
        """
        known = Provenance.load(self.folder).trained_on
        before = known or (DataSet(name=f"what {self.name} learnt from, which is not recorded"),)
        return Provenance(trained_on=(*(one for one in before if one != data), data))
