"""MTEB's own numbers on a made set in its form, beside those of psm evaluate --protocol mteb.

pip install mteb
python benchmarks/mteb_equality.py --record tests/evaluation/mteb_scores.json
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import datasets
import mteb
import numpy as np
import torch
from mteb._evaluators.retrieval_metrics import calculate_retrieval_scores
from mteb.abstasks import retrieval
from mteb.abstasks.retrieval_dataset_loaders import RetrievalDatasetLoader
from mteb.models import ModelMeta
from mteb.tasks.retrieval.eng import sounding_earth
from PIL import Image

from psm import PSM
from psm.data.sound.reading import decode_audio
from psm.evaluation.protocols.mteb import evaluate_mteb
from psm.evaluation.protocols.mtebdata import read_task
from psm.evaluation.protocols.trec import CUTS
from psm.gaussian import Gaussian, csd

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.evaluation.mtebset import made_run, tiny_model, write_task

NAMES = {"ndcg_cut": "ndcg", "map_cut": "map", "recall": "recall", "P": "precision",
         "success": "hit_rate"}  # fmt: skip
"""MTEB's names of what ``pytrec_eval`` counts."""


class Encoder:
    """A PSM as MTEB asks for one: mean and log-variance side by side, scored by their distance."""

    def __init__(self, model: PSM) -> None:
        self.model = model
        self.mteb_model_meta = ModelMeta.create_empty(
            {"name": "psm/tiny", "revision": "1", "modalities": ["audio", "image"]}
        )

    @torch.inference_mode()
    def encode(self, inputs: Any, **_: Any) -> torch.Tensor:
        """Every row on its own, by the public methods of the model alone."""
        found = []
        for batch in inputs:
            for image in batch.get("image", ()):
                found.append(self._seen(image))
            for audio in batch.get("audio", ()):
                found.append(self._heard(audio["bytes"]))
        return torch.cat([torch.cat([one.mean, one.log_var], -1) for one in found])

    def _seen(self, image: Image.Image) -> Gaussian:
        imagery = self.model.config.imagery
        side = min(image.size[0], round(imagery.view_px * imagery.gsd_m / 0.2))
        edge = (image.size[0] - side) // 2
        crop = image.convert("RGB").crop((edge, edge, edge + side, edge + side))
        size = (imagery.view_px, imagery.view_px)
        view = crop if crop.size == size else crop.resize(size, Image.Resampling.BICUBIC)
        pixels = torch.from_numpy(np.asarray(view).copy()).permute(2, 0, 1)[None]
        return self.model.encode_location(pixels, torch.tensor([side * 0.2 / imagery.view_px]))

    def _heard(self, data: bytes) -> Gaussian:
        framing = self.model.config.framing
        mel = framing.mel(decode_audio(data, framing.audio.sample_rate_hz, "a recording"))
        return self.model.encode_audio(torch.from_numpy(mel)[None])

    def similarity(self, queries: Any, documents: Any) -> torch.Tensor:
        """Minus the closed-form sampled distance."""
        a, b = (Gaussian(*torch.as_tensor(x).chunk(2, -1)) for x in (queries, documents))
        return -csd(a, b)

    def similarity_pairwise(self, queries: Any, documents: Any) -> torch.Tensor:
        """Of row i and row i."""
        return self.similarity(queries, documents).diagonal()


class Undecoded(RetrievalDatasetLoader):
    """MTEB's reader, which leaves sounds encoded: the model decodes them itself."""

    def _load_dataset_split(self, config: str, num_proc: int | None) -> Any:
        rows = super()._load_dataset_split(config, num_proc)
        if "audio" in rows.column_names:
            rows = rows.cast_column("audio", datasets.Audio(decode=False))
        return rows


def of_task(kind: type, folder: Path, model: PSM) -> dict[str, float]:
    """What MTEB's own task says of data in a folder, before it rounds."""

    class Exact(kind):  # type: ignore[misc]
        def task_specific_scores(self, scores: Any, *_: Any, **__: Any) -> dict[str, float]:
            return {f"exact_{name}": value for name, value in means(scores).items()}

    task = Exact()
    task.metadata = task.metadata.model_copy(
        update={"dataset": {"path": str(folder), "revision": "made"}}
    )
    retrieval.RetrievalDatasetLoader = Undecoded
    found = mteb.evaluate(Encoder(model), task, cache=None, show_progress_bar=False)
    told = found.task_results[0].scores["test"][0]
    exact = {name[6:]: value for name, value in told.items() if name.startswith("exact_")}
    return {**exact, **{name: told[name] for name in told if name.startswith("mrr_at_")}}


def means(scores: dict[str, dict[str, float]]) -> dict[str, float]:
    """Means over queries of what pytrec_eval says of each, under MTEB's names."""
    return {
        f"{name}_at_{cut}": float(np.mean([one[f"{theirs}_{cut}"] for one in scores.values()]))
        for cut in CUTS
        for theirs, name in NAMES.items()
    }


def main() -> None:
    """Print the worst deviation of every score; write MTEB's numbers of a made run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", type=Path, help="JSON to write MTEB's scores of a run into")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        # Of a folder of the same layout the library remembers what it read before.
        datasets.config.HF_DATASETS_CACHE = Path(scratch) / "cache"
        model = tiny_model()
        for query, kind in (("audio", sounding_earth.SoundingEarthA2IRetrieval),
                            ("image", sounding_earth.SoundingEarthI2ARetrieval)):  # fmt: skip
            folder = write_task(Path(scratch) / query, query)
            ours = evaluate_mteb(model, read_task(query, folder), Path(scratch) / "features")
            theirs = of_task(kind, folder, model)
            shared = sorted(set(ours.scores) & set(theirs))
            worst = max(abs(ours.scores[name] - theirs[name]) for name in shared)
            print(
                f"{kind.__name__}: {ours.queries} queries, {ours.documents} documents, "
                f"{len(shared)} scores; worst deviation {worst:.1e}; nDCG@10 "
                f"{ours.scores['ndcg_at_10']:.6f}, attainable {ours.attainable:.6f}"
            )
    scores, queries, documents, relevant = made_run()
    run = {
        query: dict(zip(documents, map(float, row), strict=True))
        for query, row in zip(queries, scores, strict=True)
    }
    found = calculate_retrieval_scores(run, relevant, CUTS)
    each = means(found.all_scores)
    each |= {f"mrr_at_{name.split('@')[1]}": value for name, value in found.mrr.items()}
    if arguments.record:
        about = {"mteb": mteb.__version__, "scores": each}
        arguments.record.write_text(json.dumps(about, indent=1) + "\n")


if __name__ == "__main__":
    main()
