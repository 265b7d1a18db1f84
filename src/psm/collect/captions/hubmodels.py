"""Loads models of the hub or a folder: every weight accounted for, identified by commit or hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Literal, TypeVar

import torch
from huggingface_hub import hf_hub_download
from safetensors import SafetensorError
from transformers import AutoConfig, AutoTokenizer, GenerationConfig, PreTrainedModel
from transformers.utils import logging as transformers_logging

from psm.errors import CheckpointMismatch, ConfigError
from psm.files import sha256_of
from psm.http import hub
from psm.precision import has_bfloat16

Part = TypeVar("Part")
Dtype = Literal["auto", "float32", "bfloat16", "float16"]

# Weights in a pickle are read by PyTorch's allow-list: what it refuses is an UnpicklingError.
_UNREADABLE = (OSError, ValueError, KeyError, RuntimeError, SafetensorError, UnpicklingError)
_OF_MODEL = ("*.json", "*.safetensors", "*.bin", "*.txt", "*.model")


@dataclass(frozen=True, kw_only=True)
class ModelSetup:
    """Which model of the hub to load, and how it generates.

    Attributes:
        weights: hub id or folder of the weights, with all that prepares its input.
        revision: of the hub: a commit makes a build repeatable.
        prompt: what the model is asked.
        max_new_tokens: of a caption.
        device, dtype: where and in which numbers it computes.
    """

    weights: str
    revision: str | None
    prompt: str
    max_new_tokens: int
    device: torch.device
    dtype: torch.dtype

    def part(self, load: Callable[..., Part], what: str, **settings: Any) -> Part:
        """See :func:`load_part`."""
        return load_part(load, self.weights, self.revision, what, **settings)

    def tokenizer(self) -> Any:
        """See :func:`load_tokenizer`."""
        return load_tokenizer(self.weights, self.revision)

    def network(self, kind: type[PreTrainedModel]) -> Any:
        """See :func:`load_model`."""
        return load_model(kind, self.weights, self.revision, dtype=self.dtype).to(self.device)


def model_type(weights: str, revision: str | None, known: Mapping[str, Any], task: str) -> str:
    """The type of model that a hub id or folder holds.

    Args:
        weights: hub id or folder.
        revision: of the hub; the newest by default.
        known: kinds that can be used.
        task: what for, for the error.

    Raises:
        ConfigError: there is none, or of a kind that is not known.
    """
    config = load_part(AutoConfig.from_pretrained, weights, revision, "config")
    if config.model_type not in known:
        raise ConfigError(
            f"{weights}: a model of type {config.model_type!r} cannot be used for {task}; "
            f"supported are {', '.join(sorted(known))}"
        )
    return str(config.model_type)


def pinned(weights: str, revision: str | None) -> str | None:
    """The commit that a revision of the hub is now, so that all parts are of one; none of a folder.

    Raises:
        ConfigError: the hub and its cache do not know it.
    """
    if Path(weights).is_dir():
        return None
    path = load_part(hf_hub_download, weights, revision, "config", filename="config.json")
    return Path(path).parent.name


def load_part(
    load: Callable[..., Part], weights: str, revision: str | None, what: str, **settings: Any
) -> Part:
    """Load one part of a model, as its config, tokenizer or weights.

    Raises:
        ConfigError: it is not there or not readable.
    """
    try:
        with _quiet(), hub.asked_once(weights):
            return load(weights, revision=revision or "main", **settings)
    except _UNREADABLE as problem:
        raise _unreadable(weights, what, problem) from None


def load_tokenizer(weights: str, revision: str | None) -> Any:
    """Load the tokenizer of a model.

    Raises:
        ConfigError: they are not there.
    """
    tokenizer: Any = load_part(AutoTokenizer.from_pretrained, weights, revision, "tokenizer")
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        # Where the files are missing, transformers makes one that knows no word.
        raise _unreadable(weights, "tokenizer", ValueError("none of its files is there"))
    return tokenizer


def load_model(
    kind: type[PreTrainedModel], weights: str, revision: str | None, *, dtype: torch.dtype
) -> Any:
    """Load a model in evaluation mode.

    Raises:
        ConfigError: there are no weights.
        CheckpointMismatch: a weight of the model is missing or of another shape.
    """
    model, found = load_part(
        kind.from_pretrained,
        weights,
        revision,
        "weights",
        dtype=dtype,
        output_loading_info=True,
        ignore_mismatched_sizes=True,
    )
    wrong = sorted({*found["missing_keys"], *(name for name, *_ in found["mismatched_keys"])})
    if wrong:
        raise CheckpointMismatch(
            f"{weights}: {len(wrong)} weights of {kind.__name__} are missing or of another shape "
            f"({', '.join(wrong[:3])})"
        )
    return model.eval()


def identity(weights: str, revision: str | None) -> str:
    """Identifier of the weights: the hub's commit, or a hash of a folder's files.

    Args:
        weights: hub id or folder.
        revision: as :func:`pinned` found it.
    """
    folder = Path(weights)
    if folder.is_dir():
        digest = hashlib.sha256()
        for path in sorted({path for pattern in _OF_MODEL for path in folder.glob(pattern)}):
            digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
            digest.update(bytes.fromhex(sha256_of(path)))
        return f"{folder.resolve().name}@{digest.hexdigest()[:16]}"
    return f"{weights}@{revision or 'main'}"


def fingerprint(**parts: object) -> str:
    """Hash of settings, sixteen hex digits."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def greedy(model: PreTrainedModel, max_new_tokens: int) -> GenerationConfig:
    """The model's generation settings made deterministic: no sampling, no beams."""
    config = GenerationConfig.from_dict(model.generation_config.to_dict())
    config.update(
        do_sample=False, num_beams=1, temperature=None, top_p=None, top_k=None, min_p=None,
        typical_p=None, epsilon_cutoff=None, eta_cutoff=None, max_length=None,
        max_new_tokens=max_new_tokens, return_dict_in_generate=False, num_return_sequences=1,
    )  # fmt: skip
    return config


def device_of(name: str) -> torch.device:
    """A device by name; ``auto`` is a GPU where there is one."""
    if name != "auto":
        return torch.device(name)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def dtype_of(name: Dtype, device: torch.device) -> torch.dtype:
    """A number format by name; ``auto`` is bfloat16 on a GPU that has it, float32 elsewhere."""
    if name != "auto":
        return {
            "float32": torch.float32,
            "bfloat16": torch.bfloat16,
            "float16": torch.float16,
        }[name]
    is_native = device.type == "cuda" and has_bfloat16(device)
    return torch.bfloat16 if is_native else torch.float32


def _unreadable(weights: str, what: str, problem: BaseException) -> ConfigError:
    where = "folder" if Path(weights).exists() else "hub id or folder"
    reason = hub.reason(problem).rstrip(".")
    return ConfigError(f"no {what} of a model in {where} {weights!r} ({reason})")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without bars, and without lists of weights, which are accounted for here."""
    level, has_bars = (
        transformers_logging.get_verbosity(),
        transformers_logging.is_progress_bar_enabled(),
    )
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if has_bars:
            transformers_logging.enable_progress_bar()
