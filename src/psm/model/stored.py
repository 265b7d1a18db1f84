"""Trained models in folders and on the hub: loaded, saved, uploaded."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from torch import nn

from psm import checkpoints
from psm.config import Experiment, ModelConfig
from psm.coverage import FILE_NAME as COVERAGE_NAME
from psm.coverage import Coverage
from psm.encoders.audioencoding import AudioTower
from psm.encoders.textencoding import TextTower
from psm.errors import (
    CheckpointMismatch,
    HubError,
    PSMWarning,
    StaleCoverage,
    StaleFamiliarity,
    StaleUncertainty,
)
from psm.familiarity import FILE_NAME as FAMILIARITY_NAME
from psm.familiarity import Familiarity
from psm.precision import Precision
from psm.provenance import UNRECORDED, Provenance
from psm.uncertainty import FILE_NAME as UNCERTAINTY_NAME
from psm.uncertainty import ModelUncertainty

Model = TypeVar("Model", bound="StoredModel")  # not Self, which beartype refuses in methods
Beside = TypeVar("Beside", ModelUncertainty, Familiarity, Coverage)


class StoredModel(nn.Module):
    """A model that can be kept in a folder; :class:`psm.PSM` says what it computes.

    Attributes:
        config: what it was built from.
        experiment: what it was trained by, where it was loaded from a folder that says so.
        provenance: what it learnt from, as its folder says.
        uncertainty: second opinions on its match probabilities, where the folder holds any.
        familiarity: what queries it is familiar with, where the folder says so.
        coverage: the places that it has learnt about, where the folder says so; all by default.
        precision: in which its towers and fusion compute. ``float32`` is exact; ``auto`` takes
            bfloat16 where it is native, but in reference mode, whose numbers are to be the
            published ones.
    """

    config: ModelConfig
    audio: AudioTower
    text: TextTower
    experiment: Experiment | None = None
    provenance: Provenance = UNRECORDED
    uncertainty: ModelUncertainty | None = None
    familiarity: Familiarity | None = None
    coverage: Coverage | None = None
    precision: Precision = "float32"

    def __init__(
        self,
        config: ModelConfig,
        *,
        tokenizer: str | Path | None = None,  # noqa: ARG002  # of whoever builds the towers
    ) -> None:
        super().__init__()
        self.config = config

    @classmethod
    def from_pretrained(
        cls: type[Model], checkpoint: str | Path, *, precision: Precision = "float32"
    ) -> Model:
        """Load a trained model: a folder written by :meth:`save_pretrained`, or one from the hub.

        Args:
            checkpoint: the folder, ``owner/name`` on the hub, or the name of a model that comes
                with the package, as ``earth-small``.
            precision: in which towers and fusion compute: ``float32``, ``bfloat16``, or ``auto``
                for bfloat16 where the machine has it.

        Returns:
            The model on the CPU, in evaluation mode.

        Warns:
            StaleUncertainty, StaleFamiliarity, StaleCoverage: second opinions in the folder, or
                what it says the model is familiar with or covers, are of other weights, or broken.

        Raises:
            MissingData: there is no such folder or hub repository.
            ConfigError: its configuration is not readable.
            CheckpointMismatch: the weights do not fit the configuration.

        Example:
            >>> from psm import PSM
            >>> model = PSM.from_pretrained("earth-small", precision="auto")
            >>> model.config.imagery.gsd_m
            1000.0
        """
        folder = checkpoints.resolve(checkpoint)
        experiment = checkpoints.read_experiment(folder)
        model = cls(experiment.model, tokenizer=checkpoints.tokenizer_folder(folder))
        checkpoints.load_weights(model, folder)
        model.experiment = experiment
        model.precision = precision
        model.provenance = Provenance.load(folder)
        model.uncertainty = _of_these_weights(
            ModelUncertainty, folder, UNCERTAINTY_NAME, StaleUncertainty
        )
        model.familiarity = _of_these_weights(
            Familiarity, folder, FAMILIARITY_NAME, StaleFamiliarity
        )
        model.coverage = _of_these_weights(Coverage, folder, COVERAGE_NAME, StaleCoverage)
        return model.eval()

    def save_pretrained(
        self,
        folder: str | Path,
        experiment: Experiment | None = None,
        *,
        is_half: bool = False,
    ) -> None:
        """Write configuration, provenance and weights; nothing is left half-written.

        Towers whose weights are stored are stored with their settings and tokenizer too, so that
        the folder needs neither the hub nor the place that they started from.

        Args:
            folder: made if it is not there; a model in it is replaced.
            experiment: what the model was trained by; by default that of the folder it came from.
            is_half: store the weights in float16, half the size and three digits each.
        """
        experiment = experiment or self.experiment or Experiment(model=self.config)
        config = experiment.model.model_copy(
            update={
                "audio_tower": self.audio.standalone(self.config.audio_tower),
                "text_tower": self.text.standalone(self.config.text_tower),
                "satellite": experiment.model.satellite.model_copy(
                    update={"weights": None, "adapt": ()}
                ),
            }
        )
        folder = Path(folder)
        if config.text_tower.weights is None:  # first: the configuration, last, makes it a model
            self.text.save_tokenizer(folder / checkpoints.TOKENIZER_NAME)
        stored = experiment.model_copy(update={"model": config})
        for name in (UNCERTAINTY_NAME, FAMILIARITY_NAME, COVERAGE_NAME):
            (folder / name).unlink(missing_ok=True)
        self.provenance.save(folder)
        checkpoints.save(self, stored, folder, is_half=is_half)
        for about in (self.uncertainty, self.familiarity, self.coverage):
            if about is not None and about.weights == checkpoints.weights_fingerprint(self):
                replace(about, weights=checkpoints.weights_fingerprint(folder)).save(folder)

    def push_to_hub(
        self,
        repository: str,
        experiment: Experiment | None = None,
        *,
        private: bool = False,
        license: str | None = None,
        datasets: Sequence[str] = (),
        results: Path | None = None,
    ) -> str:
        """Upload what :meth:`save_pretrained` writes, with a model card.

        Args:
            repository: ``owner/name``; made if it is not there.
            experiment: what the model was trained by; by default that of the folder it came from.
            private: of a new repository.
            license: of the weights, by the hub's word for it, as ``cc-by-4.0``.
            datasets: hub ids of what it was trained on.
            results: a ``retrieval.json`` of ``psm evaluate``, for the card.

        Returns:
            The address of the repository.

        Raises:
            HubError: the hub did not take it.
            MissingData, ConfigError: the results are not there, or not those of an evaluation.
        """
        # Half a second, which no map needs.
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HFValidationError, HTTPError  # type: ignore[attr-defined]

        from psm.modelcard import model_card

        known = experiment or self.experiment
        card = model_card(
            known or Experiment(model=self.config),
            repository,
            provenance=self.provenance,
            is_trained=known is not None,
            license=license,
            datasets=datasets,
            results=results,
        )
        with TemporaryDirectory() as folder:
            self.save_pretrained(folder, experiment)
            card.save(Path(folder) / "README.md")
            hub = HfApi()
            try:
                address = hub.create_repo(repository, private=private, exist_ok=True)
                hub.upload_folder(repo_id=repository, folder_path=folder)
            except (HTTPError, HFValidationError, OSError) as problem:
                reason = (str(problem) or type(problem).__name__).strip().splitlines()[0]
                raise HubError(
                    f"{repository}: the hub did not take it ({reason}); log in with `hf auth login`"
                ) from None
        return str(address)


def _of_these_weights(
    kind: type[Beside], folder: Path, name: str, stale: type[PSMWarning]
) -> Beside | None:
    """What a folder keeps beside its weights; that of other weights is not used, and it is said."""
    try:
        found = kind.load(folder)
        if found is None or found.weights == checkpoints.weights_fingerprint(folder):
            return found
        reason = f"{folder / name}: of other weights; run `psm calibrate --model {folder}`"
    except CheckpointMismatch as problem:
        reason = str(problem)
    warnings.warn(reason, stale, stacklevel=3)
    return None
