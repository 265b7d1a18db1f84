from __future__ import annotations

import io
import os
import time

import pytest
from rich.console import Console

from psm.collect.gathering import gather
from psm.collect.heartbeat import FILE, Heartbeat, read_pulse
from psm.collect.listing import list_all
from psm.collect.refusal import Refused
from psm.collect.status import read_status, tables
from psm.errors import MissingData
from tests.collect.little import Little
from tests.collect.sites import cleaned, site


def shown(folder):
    console = Console(file=io.StringIO(), width=160)
    console.print(tables(read_status(folder)))
    return console.file.getvalue()


def test_a_build_can_be_asked_while_it_runs(tmp_path):
    little = Little("aporee", 1234, per_page=200)
    with site(tmp_path, little, Little("yfcc", 2)) as opened:
        list_all(opened)
        opened.catalogue.snapshot(now=True)
        opened.heartbeat.begin("fetch and decode", 1234)
        opened.heartbeat.count(617)
        opened.heartbeat._start -= 10.0
        opened.heartbeat._next = 0.0
        opened.heartbeat.beat()
        status = read_status(tmp_path)
        assert status.counts["aporee", "listed"] == 1234
        assert status.pulse.pid == os.getpid()
        assert status.pulse.per_s == pytest.approx(61.7, rel=0.1)
        assert status.pulse.left_s == pytest.approx(10.0, rel=0.1)
        text = shown(tmp_path)
    for words in ("aporee", "1,234", "yfcc", "1,236", "fetch and decode: 617", "of 1,234", "/s"):
        assert words in text


def test_refusals_are_counted_by_stage_and_reason(tmp_path):
    little = Little("aporee", 4)
    little.broken = {"0": Refused("gone"), "1": Refused("gone"), "2": b"noise"}
    little.broken["3"] = Refused("not answered", may_pass=True)
    with site(tmp_path, little) as opened:
        list_all(opened)
        cleaned(opened)
        gather(opened)
        opened.catalogue.snapshot(now=True)
        opened.heartbeat.end()
    status = read_status(tmp_path)
    assert status.refusals["fetch", "gone", False] == 2
    assert status.refusals["fetch", "not answered", True] == 1
    assert status.pulse is None
    assert "No build is going on" in shown(tmp_path)


def test_a_build_that_was_killed_is_not_taken_for_a_running_one(tmp_path):
    Heartbeat(tmp_path).begin("fetch")
    assert read_pulse(tmp_path) is not None
    path = tmp_path / FILE
    path.write_text(path.read_text().replace(str(os.getpid()), "4194304"))
    assert read_pulse(tmp_path) is None


@pytest.mark.parametrize("text", ["", "[]", '{"pid": 1}'])
def test_a_pulse_that_cannot_be_read_is_none(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    assert read_pulse(tmp_path) is None


def test_numbers_say_how_old_they_are(tmp_path):
    with site(tmp_path, Little()) as opened:
        opened.catalogue.snapshot(now=True)
    old = time.time() - 7200
    os.utime(tmp_path / "catalogue.parquet", (old, old))
    assert "2 h ago" in shown(tmp_path)


def test_no_build_is_an_error_that_says_how_to_begin(tmp_path):
    with pytest.raises(MissingData, match="psm collect build"):
        read_status(tmp_path)
