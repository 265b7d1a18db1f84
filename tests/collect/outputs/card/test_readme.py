from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
import yaml

from psm.collect.outputs.card.readme import readme
from psm.collect.outputs.facts import Facts
from tests.collect import builds
from tests.collect.outputs.test_recordings import row


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    return readme(Facts(builds.rows(tmp_path_factory.mktemp("build"))), builds.ABOUT)


def section(card, name):
    return re.split(r"\n## .*\n", card)[re.findall(r"\n## (.*)\n", card).index(name) + 1]


def head(card):
    return yaml.safe_load(card.split("---")[1])


def test_the_head_is_what_the_hub_reads(card):
    found = head(card)
    assert (found["license"], found["license_link"]) == ("other", "ATTRIBUTION.csv")
    assert found["size_categories"] == ["n<1K"]
    assert found["language"] == ["en", "de"]
    files = {f["split"]: f["path"] for f in found["configs"][0]["data_files"]}
    assert files["validation"] == "parquet/val-*.parquet"


def test_one_licence_is_that_of_the_whole(tmp_path):
    rows = [replace(r, licence="CC-BY-4.0") for r in builds.rows(tmp_path, 5)]
    assert head(readme(Facts(rows), builds.ABOUT))["license"] == "cc-by-4.0"


def test_every_refusal_is_counted_by_stage_and_reason(card):
    said = section(card, "What was refused")
    assert "Of 68 candidates that the archives list, 20 are in the data set and 18" in said
    for (stage, reason), count in builds.ABOUT.refused.items():
        assert f"| {stage} | {reason} | {count} |" in said


def test_splits_come_with_what_they_share(card):
    assert "in between is left out, 1 of 21 recordings (4.8%)." in section(card, "Splits")
    lines = section(card, "Splits").splitlines()
    assert next(line for line in lines if line.startswith("| test |")) == (
        "| test | 4 | 20.0% | 1 | 3 | 1 of 1 (100% of recordings) | 0 of 3 (0% of recordings) |"
    )


def test_captions_come_with_their_mean_score_and_models(card):
    assert "| qwen | 20 | 7 | 0.100 | tests/qwen |" in section(card, "Captions")
    assert "(`tests/clap`)" in section(card, "Captions")


def test_licences_and_archives_are_linked(card):
    said = section(card, "Licences and archives")
    assert "| [CC-BY-4.0](https://creativecommons.org/licenses/by/4.0/) | 7 |" in said
    assert "6 forbid commercial use" in said
    assert (
        "[The archive yfcc](https://yfcc.example) | 4 | [terms](https://yfcc.example/terms)" in said
    )


def test_it_says_how_to_build_it_again(card):
    assert "```yaml\nsources:\n  aporee:\n```" in section(card, "How to build it again")


def test_what_archives_write_does_not_break_tables():
    odd = replace(builds.ABOUT, refused={("fetch", "a | b\nc"): 1})
    known = row(clip_sha256="1", mel_sha256="2", tile_sha256="3")
    assert "| fetch | a \\| b c | 1 |" in readme(Facts([known]), odd)


def test_a_caption_without_a_score_has_none():
    captions = [{"source": "meta", "style": "meta", "text": "x", "score": None, "model": ""}]
    scores = Facts([row(captions=json.dumps(captions)), row()]).scores
    assert (scores["meta"].captions, scores["meta"].best, scores["meta"].mean) == (2, 2, None)
