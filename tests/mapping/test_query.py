from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from psm.config import ContextConfig
from psm.errors import ConfigError, CorruptRecording, FaintRecording
from psm.gaussian import combine, mixture
from psm.inference.batches import text_gaussians
from psm.mapping import Query
from psm.mapping.term import Term
from psm.model import PSM
from psm.seeding import generator


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    path = tmp_path / "tone.wav"
    soundfile.write(path, generator(1, "tone").normal(0, 0.1, 24_000), 16_000)
    return path


def test_a_text_is_its_own_gaussian(model: PSM) -> None:
    gaussian = Query(texts=("church bells",)).gaussian(model)
    expected = text_gaussians(model, ["church bells"])
    assert gaussian.mean.shape == (1, 16)
    torch.testing.assert_close(gaussian.mean, expected.mean)
    torch.testing.assert_close(gaussian.log_var, expected.log_var)


def test_texts_and_recordings_are_combined(model: PSM, tone: Path) -> None:
    both = Query(texts=("rain", "wind"), audio=(tone,)).gaussian(model)
    alone = [Query(texts=(text,)).gaussian(model) for text in ("rain", "wind")]
    expected = combine([*alone, Query(audio=(tone,)).gaussian(model)])
    torch.testing.assert_close(both.mean, expected.mean)
    torch.testing.assert_close(both.log_var, expected.log_var)


def test_the_label_names_everything_asked(tone: Path) -> None:
    assert Query(texts=(" church\n bells ",), audio=(tone,)).label == "“church bells” + tone.wav"


@pytest.mark.parametrize(
    ("texts", "message"), [((), "needs a query"), (("rain", " \n"), "is empty")]
)
def test_nothing_to_ask_for(texts: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Query(texts=texts)


def test_one_string_is_not_taken_for_many_letters() -> None:
    with pytest.raises(ConfigError, match="tuple of texts"):
        Query(texts="rain")


def test_an_unreadable_recording_is_named(model: PSM, tmp_path: Path) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(b"not audio")
    with pytest.raises(CorruptRecording, match=r"broken\.wav"):
        Query(audio=(path,)).gaussian(model)


def test_weights_decide_what_is_combined_how_much(model: PSM) -> None:
    found = Query.parse("rain*3", "wind").gaussian(model)
    alone = [Query(texts=(text,)).gaussian(model) for text in ("rain", "wind")]
    torch.testing.assert_close(found.mean, combine(alone, [3.0, 1.0]).mean)


def test_wordings_of_one_term_are_a_mixture(model: PSM) -> None:
    found = Query.parse("rain|a downpour").gaussian(model)
    alone = [Query(texts=(text,)).gaussian(model) for text in ("rain", "a downpour")]
    torch.testing.assert_close(found, mixture(alone))
    worded = Query(texts=("rain",), templates=("{}", "the sound of {}")).gaussian(model)
    said = [Query(texts=(text,)).gaussian(model) for text in ("rain", "the sound of rain")]
    torch.testing.assert_close(worded, mixture(said))


def test_unwanted_terms_are_kept_apart(model: PSM) -> None:
    query = Query.parse("birds", "rain", without=["traffic*2"])
    encoded = query.encode(model)
    torch.testing.assert_close(
        encoded.gaussians.rows(slice(0, 1)), Query(texts=("birds", "rain")).gaussian(model)
    )
    torch.testing.assert_close(
        encoded.gaussians.rows(slice(1, 2)), Query(texts=("traffic",)).gaussian(model)
    )
    assert (encoded.powers, encoded.wanted) == ((1.0, 2.0), 1)
    with pytest.raises(ConfigError, match="more than one Gaussian"):
        query.gaussian(model)
    only = Query.parse("-traffic").encode(model)
    assert (len(only), only.wanted) == (1, 0)


def test_labels_and_tags_name_what_is_unwanted() -> None:
    query = Query.parse("birds*2", "-traffic", without=["rain|a downpour"], audio_source="aporee")
    assert query.label == "“birds” ×2 − “traffic” − “rain | a downpour”"
    assert query.tags["query_texts"] == "birds"
    assert query.tags["query_without"] == "“traffic”; “rain | a downpour”"
    assert query.tags["audio_source"] == "aporee"
    assert query.slug == "birds not traffic not rain"
    assert Query.parse("-traffic").label == "− “traffic”"
    assert Query(texts=("birds",)).without("traffic").label == "“birds” − “traffic”"


def test_wrong_sources_and_templates_are_explained(model: PSM) -> None:
    with pytest.raises(ConfigError, match="choose one of yfcc, inat"):
        Query.parse("rain", audio_source="spotify")
    with pytest.raises(ConfigError, match=r"write \{\} once"):
        Query(texts=("rain",), templates=("the sound of",))
    with pytest.raises(ConfigError, match="unwanted twice"):
        Query.parse("rain", without=["-wind"])
    blind = PSM(model.config.model_copy(update={"context": ContextConfig(depth=0)})).eval()
    with pytest.raises(ConfigError, match="not trained on the audio_source"):
        Query.parse("rain", audio_source="inat").encode(blind)


def test_all_and_any_keep_wanted_terms_apart(model: PSM) -> None:
    query = Query.parse("rain", "wind*2", together="all")
    assert query.label == "“rain” and “wind” ×2"
    encoded = query.encode(model)
    assert (encoded.powers, encoded.wanted, encoded.is_any) == ((1.0, 2.0), 2, False)
    assert Query.parse("rain", "wind", together="any").encode(model).is_any
    with pytest.raises(ConfigError, match="more than one Gaussian"):
        query.gaussian(model)
    alone = Query.parse("rain", together="any")
    torch.testing.assert_close(alone.gaussian(model), Query.parse("rain").gaussian(model))
    with pytest.raises(ConfigError, match="choose blend, all or any"):
        Query.parse("rain", together="none")


def test_recordings_are_read_before_longer_work_begins(model: PSM, tone: Path) -> None:
    Query(texts=("rain",), audio=(tone,)).require_recordings(model)
    quiet = tone.with_name("quiet.wav")
    soundfile.write(quiet, [0.0] * 16_000, 16_000)
    Query(audio=(quiet,)).require_recordings(model)  # it is warned of when it is asked
    with pytest.warns(FaintRecording, match=r"quiet\.wav: silence"):
        Query(audio=(quiet,)).encode(model)
    for path, message in ((tone.with_name("no.wav"), "no such file"), (tone.parent, "a folder")):
        with pytest.raises(CorruptRecording, match=message):
            Query.parse("rain", audio=[path]).require_recordings(model)
    unwanted = Term.parse_audio(tone.with_name("nosuch.wav")).negated()
    with pytest.raises(CorruptRecording, match=r"nosuch\.wav: no such file"):
        Query(texts=("rain",), terms=(unwanted,)).require_recordings(model)


def test_opposite_channels_and_ultrasound_are_no_query(model: PSM, tmp_path: Path) -> None:
    noise = generator(2, "noise").normal(0, 0.1, 48_000)
    path = tmp_path / "anti.wav"
    soundfile.write(path, np.stack([noise, -noise], axis=1), 48_000)
    with pytest.raises(CorruptRecording, match="the channels cancel each other"):
        Query(audio=(path,)).gaussian(model)
    bat = 0.3 * np.sin(2 * np.pi * 45_000 * np.arange(192_000) / 192_000)
    soundfile.write(path, bat, 192_000)
    with pytest.raises(CorruptRecording, match="nothing to hear between"):
        Query(audio=(path,)).gaussian(model)
