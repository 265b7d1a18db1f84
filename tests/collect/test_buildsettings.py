from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from psm.collect.buildsettings import CLAIM, BuildConfig, begun, claim, read_settings
from psm.collect.plan import BuildPlan
from psm.errors import ConfigError, SettingsChanged


def config(**changes):
    values = {"sources": {"aporee": {}}, "preset": "earth-tiny", "date": "2026-01-01"}
    return BuildConfig.model_validate({**values, **changes})


def begin(folder, config):
    claim(folder, config, BuildPlan.of(config).facts())


def write(path, values):
    path.write_text(yaml.safe_dump(values))
    return path


def test_a_build_goes_on_with_what_it_was_begun_with(tmp_path):
    begin(tmp_path / "out", config(limit=7, keep_media=True))
    assert read_settings(tmp_path / "out", None, {}) == config(limit=7, keep_media=True)
    begin(tmp_path / "out", config(limit=7, keep_media=False))
    assert not begun(tmp_path / "out").keep_media


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"limit": 8}, "limit"),
        ({"sources": {"aporee": {"quota": 3}}}, "sources.aporee.quota"),
        ({"sources": {"aporee": {}, "yfcc": {}}}, "sources.yfcc"),
        ({"splits": {"val": 0.2}}, "splits.val"),
        ({"region": "10,20,30,40"}, "outline of the region"),
        ({"preset": "earth-small"}, "preset|framing|tiles"),
    ],
)
def test_another_build_in_a_folder_is_an_error_that_names_the_setting(tmp_path, change, name):
    begin(tmp_path, config())
    with pytest.raises(SettingsChanged, match=name):
        begin(tmp_path, config(**change))
    begin(tmp_path, config())


def test_a_prompt_may_change_and_a_default_one_is_in_no_file(tmp_path):
    captioner = {"model": "owner/name", "style": "qwen"}
    begin(tmp_path, config(captioners=[captioner]))
    assert "prompt" not in (tmp_path / CLAIM).read_text()
    begin(tmp_path, config(captioners=[{**captioner, "prompt": "What is heard?"}]))
    assert begun(tmp_path).captioners[0].prompt == "What is heard?"
    with pytest.raises(SettingsChanged, match="captioners"):
        begin(tmp_path, config(captioners=[{**captioner, "batch_size": 1}]))


def test_a_region_whose_file_has_changed_is_another_region(tmp_path):
    outline = tmp_path / "area.geojson"
    square = [[[0, 0], [1, 0], [1, 1], [0, 0]]]
    for corner in (1, 2):
        square[0][1] = [corner, 0]
        outline.write_text(json.dumps({"type": "Polygon", "coordinates": square}))
        if corner == 1:
            begin(tmp_path / "out", config(region=str(outline)))
    with pytest.raises(SettingsChanged, match="outline of the region"):
        begin(tmp_path / "out", config(region=str(outline)))


def test_options_overrule_a_file(tmp_path):
    path = write(
        tmp_path / "build.yaml",
        {
            "sources": {"aporee": None, "freesound": {"most": 9}, "yfcc": {"quota": 2}},
            "imagery": {"source": "stac:here", "options": {"collection": "x"}},
            "limit": 5,
        },
    )
    built = read_settings(
        tmp_path / "out", path,
        {"archive": ["freesound", "local"], "limit": 6, "licence": ["CC0-1.0"],
         "imagery": "blue-marble", "region": None},
    )  # fmt: skip
    assert {name: s.most for name, s in built.sources.items()} == {"freesound": 9, "local": None}
    assert (built.limit, built.licences) == (6, ("CC0-1.0",))
    assert (built.imagery.source, built.imagery.options) == ("blue-marble", {})


def test_options_of_archives_and_imagery_can_be_said(tmp_path):
    given = {"archive_options": {"local": {"folder": "here", "lat": 1.5}}, "imagery": "xyz:OSM",
             "imagery_options": {"rate": 2}}  # fmt: skip
    built = read_settings(tmp_path / "out", None, given)
    assert built.sources["local"].options == {"folder": "here", "lat": 1.5}
    assert (built.imagery.source, built.imagery.options) == ("xyz:OSM", {"rate": 2})
    path = write(
        tmp_path / "b.yaml", {"sources": {"local": {"quota": 3, "options": {"author": "Ann"}}}}
    )
    built = read_settings(tmp_path / "out", path, given)
    assert built.sources["local"].quota == 3
    assert built.sources["local"].options == {"author": "Ann", "folder": "here", "lat": 1.5}
    with pytest.raises(ConfigError, match="folder is an option of the archive local"):
        read_settings(tmp_path / "out", None, {**given, "archive": ["aporee"]})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sources: {aporee: }\nlimit: 5\nlimit: 6\n", r"line 3: 'limit' stands there twice"),
        ("sources:\n  aporee: {most: 1, most: 2}\n", r"line 2: 'most' stands there twice"),
        ("sources:\n\taporee:\n", r"line 2: found character a tab"),
        ("sources: {aporee: \n", r"line 2: "),
        ("just words\n", "settings by name, found str"),
        ("", "settings by name, found NoneType"),
        ("sources: local\n", "sources: expected settings by name, found str"),
        ("sources: [local]\n", "sources: expected settings by name, found list"),
        ("sources: {aporee: 5}\n", "sources.aporee"),
        ("sources: {aporee: }\nimagery: blue-marble\n", "imagery: "),
        ("sources: {aporee: }\nlimit: many\n", "limit: "),
    ],
)
def test_yaml_that_is_no_settings_is_told_with_its_line(tmp_path, text, message):
    (tmp_path / "build.yaml").write_text(text)
    options = {"archive": ["aporee"]} if "local" in text else {}
    with pytest.raises(ConfigError, match=message) as told:
        read_settings(tmp_path / "out", tmp_path / "build.yaml", options)
    assert "\n" not in str(told.value)


def test_the_day_of_a_build_is_the_one_it_began(tmp_path):
    path = write(tmp_path / "build.yaml", {"sources": {"aporee": None}})
    begin(tmp_path / "out", config(date="2020-02-02"))
    assert str(read_settings(tmp_path / "out", path, {}).date) == "2020-02-02"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"limit": 5}, "--archive"),
        ({"sources": {}}, "sources"),
        ({"sources": {"aporee": {"must": 3}}}, "sources.aporee.must"),
        ({"sources": {"aporee": None}, "months": [13]}, "months.0"),
        ({"sources": {"aporee": None}, "countries": ["Austria"]}, "countries.0"),
        ({"sources": {"aporee": None}, "regoin": "Vienna"}, "regoin"),
        (["aporee"], "settings by name"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path, values, message):
    with pytest.raises(ConfigError, match=message):
        read_settings(tmp_path / "out", write(tmp_path / "build.yaml", values), {})


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("important")
    with pytest.raises(ConfigError, match="something else"):
        begin(tmp_path, config())
    assert not (tmp_path / CLAIM).exists()


@pytest.mark.parametrize("text", ["", "[]", '{"format_version": 99}'])
def test_a_note_that_is_not_ours_is_an_error(tmp_path, text):
    (tmp_path / CLAIM).write_text(text)
    with pytest.raises(ConfigError, match=r"build\.json|version"):
        begun(tmp_path)


@pytest.mark.parametrize(
    ("region", "bounds"),
    [
        (None, None),
        ("10,20,30,40", (10.0, 20.0, 30.0, 40.0)),
        ("170,-20,-170,10", (170.0, -20.0, -170.0, 10.0)),
        ("globe", (-180.0, -90.0, 180.0, 90.0)),
    ],
)
def test_bounds_are_those_of_the_region(region, bounds):
    assert BuildPlan.of(config(region=region)).bounds == bounds


def test_the_settings_in_the_documentation_are_settings():
    text = Path(__file__).parents[2].joinpath("docs", "collect.md").read_text()
    values = yaml.safe_load(text.split("```yaml")[1].split("```")[0])
    shown = BuildConfig.model_validate(values)
    assert shown.sources["inaturalist"].most == 500_000
    assert set(values) == set(BuildConfig.model_fields)
