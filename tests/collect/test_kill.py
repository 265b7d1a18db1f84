"""A build over all archives: killed and not, read by what trains on it, and proved to be split."""

from __future__ import annotations

from psm.data.audit import audit
from psm.data.corpus import Corpus
from psm.experiments import load_experiment
from tests.collect.kill import trial


def test_a_build_that_is_killed_ends_as_one_that_is_not(tmp_path):
    """The reduced form of ``benchmarks/collecting_kill.py``."""
    figures = trial(tmp_path, recordings=36, kills=1, workers=(2, 1))
    assert figures.kills >= 1
    assert not figures.different
    assert not figures.rows_differ
    assert not figures.secrets_in
    assert not figures.past_limit
    shards = tmp_path / "killed" / "shards"
    model = load_experiment("earth-tiny").model
    read = {
        split: Corpus.load(shards, split, zooms=model.imagery.zooms, view_px=model.imagery.view_px)
        for split in ("train", "val", "test")
    }
    assert sum(len(corpus) for corpus in read.values()) == figures.packed > 20
    sources = {r.key.partition("-")[0] for corpus in read.values() for r in corpus.recordings}
    assert sources == {"aporee", "freesound", "inaturalist", "local", "xenocanto", "yfcc"}
    assert read["train"].mels.shape[2:] == (model.audio.frames, model.audio.n_mels)
    assert audit(shards, workers=1).leaks == ()
