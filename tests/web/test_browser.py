"""What becomes of the tests of the page where there is no browser."""

from __future__ import annotations

import shutil

import pytest

from tests.web.conftest import BROWSER, chromium

pytestmark = pytest.mark.usefixtures("without_browser")


@pytest.fixture
def without_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which no browser is installed."""
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.delenv(BROWSER, raising=False)


def test_without_a_browser_the_page_is_left_out_with_the_line_that_installs_one() -> None:
    with pytest.raises(pytest.skip.Exception, match=r"the page: no Chromium .*apt-get install"):
        chromium()


def test_a_browser_that_is_required_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BROWSER, "required")
    with pytest.raises(pytest.fail.Exception, match="the page: no Chromium"):
        chromium()


def test_the_page_can_be_left_out_where_there_is_a_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setenv(BROWSER, "none")
    with pytest.raises(pytest.skip.Exception, match="PSM_BROWSER=none"):
        chromium()
