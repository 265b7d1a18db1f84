"""The page for everybody: readers, keyboards, phones, calm."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.web.explorer import Explorer

Open = Callable[..., Explorer]
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}
FULL = "#q=frogs&m=7&h=22&at=10,20"
COMPARED = "#q=frogs&b.q=thunder&m=7&h=22&layer=both&scale=own"


@pytest.mark.parametrize(
    ("hash_", "viewport", "scheme"),
    [
        ("", DESK, "light"),
        (FULL, DESK, "light"),
        (FULL, PHONE, "dark"),
        (COMPARED, DESK, "dark"),
        (COMPARED, PHONE, "light"),
    ],
)
def test_axe_finds_nothing_serious(
    explorer: Open, hash_: str, viewport: dict[str, int], scheme: str
) -> None:
    e = explorer(hash_, color_scheme=scheme, viewport=viewport)
    e.settle()
    if viewport is PHONE and e.page.get_by_role("button", name="Show more").count():
        e.page.get_by_role("button", name="Show more").click()
    assert e.violations() == []


@pytest.mark.parametrize("viewport", [DESK, PHONE])
def test_a_badge_says_that_it_is_simulated_and_why(
    explorer: Open, viewport: dict[str, int]
) -> None:
    e = explorer(viewport=viewport)
    badge = e.page.get_by_role("button", name="Simulated Earth")
    badge.click()
    dialog = e.page.get_by_role("dialog", name="What this map stands on")
    text = dialog.inner_text()
    for said in ("says nothing about real places", "simulated Earth, 12 recordings", "CC0-1.0 12"):
        assert said in text
    assert e.violations() == []
    e.page.keyboard.press("Escape")
    assert not dialog.is_visible()


def test_nothing_hangs_over_the_edges(explorer: Open) -> None:
    for viewport in (DESK, PHONE, {"width": 1024, "height": 768}, {"width": 320, "height": 640}):
        e = explorer(FULL, viewport=viewport)
        e.settle()
        outside = e.page.evaluate(
            """() => [...document.querySelectorAll('.page button, .page input, .page label')]
              .filter((element) => element.checkVisibility() && !element.closest('.hidden'))
              .filter((element) => !element.matches('.skip, .hidden'))
              .map((element) => [element.outerHTML.slice(0, 80), element.getBoundingClientRect()])
              .filter(([, box]) => box.width && (box.left < -1 || box.right > innerWidth + 1))
              .map(([html]) => html)"""
        )
        assert outside == [], viewport


def test_the_keyboard_reaches_everything(explorer: Open) -> None:
    e = explorer(FULL)
    e.settle()
    reached = set()
    for _ in range(80):
        e.page.keyboard.press("Tab")
        reached.add(
            e.page.evaluate(
                """() => { const at = document.activeElement;
                  return at.getAttribute('aria-label') ?? at.name ?? at.textContent; }"""
            )
        )
    wanted = {
        "What to listen for", "Ask with a recording", "Record with the microphone", "Compare",
        "Share", "Download", "Globe", "Close the place", "Play through the day", "Local hour",
        "Map",
    }  # fmt: skip
    assert wanted <= reached
    e.page.locator(".map-a canvas").focus()
    e.page.keyboard.press("/")
    assert e.page.evaluate("document.activeElement.id") == "search"


def test_enter_on_the_map_chooses_its_middle(explorer: Open) -> None:
    e = explorer("#q=frogs&m=7&h=22&map=1,12,34")
    e.settle()
    e.page.locator(".map-a canvas").focus()
    e.page.keyboard.press("Enter")
    e.page.get_by_role("region", name="Chosen place").wait_for()
    assert "at=12" in e.hash


def test_on_a_phone_the_sheet_comes_up_for_a_place(explorer: Open) -> None:
    e = explorer("#q=frogs&m=7&h=22", viewport=PHONE)
    e.settle()
    panel = e.page.get_by_role("region", name="Chosen place")
    e.click_map(0.5, 0.4)
    panel.wait_for()
    e.page.get_by_role("button", name="Show less").click()
    panel.wait_for(state="hidden")
    e.page.get_by_role("button", name="Show more").click()
    panel.wait_for()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (844, 390), (640, 400)])
def test_a_small_screen_has_legend_time_and_the_number_of_a_place_in_view(
    explorer: Open, width: int, height: int
) -> None:
    africa = "#q=frogs&m=7&h=22&map=3,5,20"
    e = explorer(africa, viewport={"width": width, "height": height})
    e.settle()

    def is_seen(what: str) -> bool:
        """Whether the middle of an element is in the window and nothing lies over it."""
        return bool(
            e.page.locator(what).first.evaluate(
                """(element) => { const {x, y, width, height} = element.getBoundingClientRect();
                  const at = document.elementFromPoint(x + width / 2, y + height / 2);
                  return at !== null && (element.contains(at) || at.contains(element)); }"""
            )
        )

    for seen in (
        ".legend-compact .strip",
        ".legend-compact .ticks span",
        ".play",
        "#hour",
        ".badge",
    ):
        assert is_seen(seen), seen
    assert is_seen(".attribution-map")
    month = e.page.locator(".months label").first.bounding_box()
    assert month is not None
    assert min(month["width"], month["height"]) >= 44
    e.click_map(0.5, 0.3)
    e.page.get_by_test_id("value").wait_for()
    e.settle()
    assert is_seen("[data-testid='value'] b")
