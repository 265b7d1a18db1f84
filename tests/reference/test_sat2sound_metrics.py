"""Published Sat2Sound metrics on recorded embeddings: every recall, rank and caption, exact."""

from __future__ import annotations

import json

import numpy as np
import pytest

from psm.encoders.heads import point
from psm.evaluation.protocols.published import (
    CAPTION_USES,
    looked_up,
    nearest,
    paired,
    published_figures,
)
from psm.gaussian import Gaussian
from psm.ranks import score_ranks, tied_ranks
from tests.reference import recorded
from tests.reference.conftest import Close
from tests.reference.sat2sound.recorded import FOLDER, require_recordings

require_recordings()

ABOUT = json.loads((FOLDER / "g_metrics.json").read_text())
RETRIEVALS = [entry for entry in ABOUT if "results" in entry]
LOOK_UPS = [entry for entry in ABOUT if "captions" in entry]
(TIES,) = [entry["ties"] for entry in ABOUT if "ties" in entry]


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    with np.load(FOLDER / "g_metrics.npz") as stored:
        return {name: stored[name] for name in stored}


def embedded(arrays: dict[str, np.ndarray], number: int, kind: str) -> Gaussian:
    return point(recorded.floats(arrays[f"n{number}_{kind}"]))


@pytest.mark.parametrize("use", CAPTION_USES)
@pytest.mark.parametrize("entry", RETRIEVALS, ids=lambda e: f"{e['n']}-R@{e['recall_at']}%")
def test_recalls_and_median_ranks(
    entry: dict, use: str, arrays: dict[str, np.ndarray], close: Close
) -> None:
    sat, audio, text = (embedded(arrays, entry["n"], kind) for kind in ("sat", "audio", "text"))
    for name, query, gallery, asks in (("I2S", sat, audio, "image"), ("S2I", audio, sat, "audio")):
        ranks = tied_ranks(*paired(query, gallery, text, use, asks=asks))
        found = published_figures(ranks.rank, entry["recall_at"])
        expected = entry["results"][f"addtextto_{use}"][f"retrieval_results_{name}"]
        assert {found.name, "Median Rank"} == set(expected)
        close(
            np.array([found.recall, found.median_rank]),
            np.array([expected[found.name], expected["Median Rank"]]),
            within=0.0,
        )
        reported = entry["reported"][f"addtextto_{use}"][f"retrieval_results_{name}"]
        assert list(found.reported) == reported


@pytest.mark.parametrize("entry", LOOK_UPS, ids=lambda e: f"{e['n']}")
def test_captions_of_images(entry: dict, arrays: dict[str, np.ndarray], close: Close) -> None:
    about = entry["captions"]
    sat, text = (embedded(arrays, entry["n"], kind).unit() for kind in ("sat", "text"))
    for name, pair in (("I2T", (sat, text)), ("T2I", (text, sat))):
        found = published_figures(tied_ranks(*pair).rank)
        figures = [about[name][found.name], about[name]["Median Rank"]]
        close(np.array([found.recall, found.median_rank]), np.array(figures), within=0.0)
    keys = [f"k{number:03}" for number in range(len(sat.mean))]
    order = nearest(sat, text)
    assert [[keys[at] for at in row] for row in order] == about["top5"]
    captions = {
        row["sample_id"]: {int(name.removeprefix("text")): c for name, c in row["captions"].items()}
        for row in about["table"]
    }
    table = looked_up(order[:, 0].tolist(), keys, captions, about["zoom"])
    assert {name: [row[name] for row in table] for name in table[0]} == about["result"]


def test_ranks_of_exact_ties(arrays: dict[str, np.ndarray], close: Close) -> None:
    ranks = score_ranks(arrays["tie_similarity"].astype(float)).rank
    close(ranks, arrays["tie_ranks"], within=0.0)
    for top, expected in [(TIES["k"], TIES["metrics"]), *TIES["k_half"].items()]:
        found = published_figures(ranks, 100.0 * float(top) / len(ranks))
        assert {found.name: found.recall, "Median Rank": found.median_rank} == expected
