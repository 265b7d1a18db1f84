from __future__ import annotations

import pytest

from psm.collect.columns import Stage
from psm.collect.listing import list_all
from tests.collect.little import Little
from tests.collect.sites import site


def test_all_archives_are_listed_once(tmp_path):
    little, other = Little("aporee", 10), Little("yfcc", 3)
    with site(tmp_path, little, other) as opened:
        list_all(opened)
        assert opened.catalogue.counts() == {("aporee", "listed"): 10, ("yfcc", "listed"): 3}
        list_all(opened)
    assert little.listed == ["0", "4", "8"]
    assert other.listed == ["0"]


def test_an_archive_that_stops_answering_stops_no_other_and_goes_on_later(tmp_path):
    little, other = Little("aporee", 10), Little("yfcc", 10)
    little.breaks_at = 4
    with site(tmp_path, little, other) as opened:
        list_all(opened)
        assert opened.catalogue.counts() == {("aporee", "listed"): 4, ("yfcc", "listed"): 10}
        assert "HTTP 503" in opened.troubles["aporee"]
    little.breaks_at = None
    with site(tmp_path, little, other) as opened:
        list_all(opened)
        assert opened.catalogue.counts() == {("aporee", "listed"): 10, ("yfcc", "listed"): 10}
        assert not opened.troubles
    assert little.listed == ["0", "4", "4", "8"]


def test_no_more_is_listed_than_is_wanted(tmp_path):
    little = Little("aporee", 1000)
    with site(tmp_path, little, sources={"aporee": {"most": 6}}) as opened:
        list_all(opened)
        assert opened.catalogue.count(Stage.CLEAN) == 6
        assert opened.catalogue.listing("aporee").is_complete
    assert len(little.listed) < 20


def test_a_mistake_of_ours_is_no_trouble_of_the_archive(tmp_path, monkeypatch):
    little = Little()
    monkeypatch.setattr(little, "record", lambda _number: 1 / 0)
    with site(tmp_path, little) as opened, pytest.raises(ZeroDivisionError):
        list_all(opened)
