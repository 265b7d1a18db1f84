"""Settings of all stages are checked first, and those of a stage to come may be mended."""

from __future__ import annotations

import json

import pytest

from psm.collect.archives.registry import open_archive
from psm.collect.builder import build
from psm.collect.buildsettings import begun
from psm.errors import ConfigError, MissingData, PSMError, SettingsChanged
from tests.collect.sites import config
from tests.collect.test_builder import settings, towns

CAPTIONER = {"model": "MODEL", "style": "qwen"}


@pytest.fixture
def little(monkeypatch):
    return towns(monkeypatch)


def blue(**changes):
    return {"imagery": {"source": "blue-marble", "options": {}, "tile_px": 64, **changes}}


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (blue(options={"collection": "x"}), ConfigError, "imagery: .* no option 'collection'"),
        (blue(source="blue-marbel"), ConfigError, "imagery: .*'blue-marbel' is not known"),
        (blue(source="lost/*.tif"), PSMError, "imagery: .*lost"),
        (blue(source="xyz:https://x.example/{z}/{x}/{y}", options={"rate": 0}), ConfigError,
         "imagery: .*rate"),
        ({"licences": ["CC-BY4"]}, ConfigError, "licences: 'CC-BY4'"),
        ({"captioners": [CAPTIONER, CAPTIONER]}, ConfigError, "two are called 'qwen'"),
        ({"captioners": [CAPTIONER]}, ConfigError, "captioners.0: .*MODEL"),
        ({"scorer": "MODEL"}, ConfigError, "scorer: .*MODEL"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_told_before_anything_is_asked(
    tmp_path, little, changes, error, message
):
    model = tmp_path / "MODEL"
    model.mkdir()
    (model / "config.json").write_text(json.dumps({"model_type": "bert"}))
    text = json.dumps(changes).replace('"MODEL"', json.dumps(str(model)))
    with pytest.raises(error, match=message):
        build(tmp_path / "out", settings(**json.loads(text)), workers=1)
    assert not (tmp_path / "out").exists()
    assert not any(archive.listed for archive in little.values())


@pytest.mark.parametrize("licence", ["CC-BY", "CC-BY-4.0", "CC0-1.0", "CC0", "unknown"])
def test_licences_and_their_families_are_known(tmp_path, little, licence):
    little["aporee"].is_down = little["yfcc"].is_down = True
    build(tmp_path, settings(licences=[licence]), workers=1)


def test_settings_of_a_stage_that_has_not_begun_may_be_mended(tmp_path, little):
    impossible = {"val": 0.1, "test": 0.2, "least_in_cell": 2, "buffer_km": 20_000}
    with pytest.raises(ConfigError, match="splits"):
        build(tmp_path, settings(splits=impossible), workers=1)
    fetched = {name: list(archive.fetched) for name, archive in little.items()}
    with pytest.raises(SettingsChanged, match=r"imagery\.options"):  # tiles are there already
        build(tmp_path, settings(imagery={"source": "stac:x", "options": {"a": 1}}), workers=1)
    build(tmp_path, settings(shard_size=4), workers=1).check()
    assert begun(tmp_path).shard_size == 4
    assert {name: archive.fetched for name, archive in little.items()} == fetched
    with pytest.raises(SettingsChanged, match="shard_size"):
        build(tmp_path, settings(shard_size=8), workers=1)


def test_a_source_without_options_has_none():
    named = config("aporee", imagery={"source": "blue-marble"})
    assert named.imagery.options == {}
    assert config("aporee", imagery={}).imagery.options == {"collection": "sentinel-2-c1-l2a"}
    again = type(named).model_validate(named.model_dump(mode="json"))
    assert again == named


@pytest.mark.parametrize(
    ("name", "flag"), [("local", "--folder"), ("yfcc", "--archive-set yfcc.metadata=")]
)
def test_what_an_archive_needs_is_named_with_its_flag(name, flag):
    with pytest.raises(ConfigError, match=f"add {flag}"):
        open_archive(name, {})


def test_a_table_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingData, match=r"table=.*no\.csv"):
        open_archive("local", {"folder": str(tmp_path), "table": str(tmp_path / "no.csv")})
