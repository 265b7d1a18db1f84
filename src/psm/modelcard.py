"""The model card that goes to the hub beside the weights."""

from __future__ import annotations

from huggingface_hub import ModelCard, ModelCardData

from psm.config import Experiment


def model_card(experiment: Experiment, repository: str) -> ModelCard:
    """What the model is, what it was trained by, and how to use it."""
    model, training = experiment.model, experiment.training
    data = ModelCardData(
        library_name="psm",
        pipeline_tag="feature-extraction",
        tags=["soundscape-mapping", "geospatial", "audio", "satellite-imagery"],
    )
    fields = ", ".join(model.context.fields) if model.context.depth else "none"
    zooms = ", ".join(map(str, model.imagery.zooms))
    origin = (
        "It was imported from a published checkpoint and answers as that one did."
        if model.reference
        else f"It was trained for {training.epochs} epochs with batches of {training.batch_size} "
        f"and the {experiment.loss.kind} loss."
    )
    return ModelCard(f"""---
{data.to_yaml()}
---

# {model.name}

PSM maps how the Earth sounds: satellite imagery at several scales, audio and text in one
probabilistic space, conditioned on place, time and source (Khanal et al., *PSM: Learning
Probabilistic Embeddings for Multi-scale Zero-Shot Soundscape Mapping*, ACM Multimedia 2024).

{experiment.summary} {origin}

| | |
|---|---|
| space | {model.dim} dimensions, {"Gaussians" if model.heads.probabilistic else "points"} |
| imagery | {model.imagery.name}, {model.imagery.gsd_m:g} m, zoom {zooms} |
| context | {fields} |
| audio | {model.audio_tower.kind}, {model.audio.clip_s:g} s at {model.audio.sample_rate_hz} Hz |
| text | {model.text_tower.kind} |

```python
from psm import PSM

model = PSM.from_pretrained("{repository}")
model.encode_text(["church bells at dawn"])
```

Or on the command line: `psm map "church bells" --month 12 --hour 18 --model {repository}`.
""")
