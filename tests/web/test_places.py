"""Places by their names: found, labelled, and called as people call them."""

from __future__ import annotations

from collections.abc import Callable

from tests.web.explorer import Explorer

Open = Callable[..., Explorer]


def test_a_place_is_found_by_its_name_without_asking_the_server(explorer: Open) -> None:
    e = explorer("#q=frogs&m=7&h=22")
    e.settle()
    e.page.get_by_role("button", name="Find a place").click()
    box = e.page.get_by_role("combobox", name="Town or country")
    urls: list[str] = []
    e.page.on("request", lambda request: urls.append(request.url))
    box.fill("santi")
    options = e.page.get_by_role("listbox", name="Places").get_by_role("option")
    options.first.wait_for()
    assert "Chile" in options.first.inner_text()
    assert e.violations() == []
    assert not [url for url in urls if "/api/" in url]
    box.press("ArrowDown")
    assert options.nth(1).get_attribute("aria-selected") == "true"
    box.press("ArrowUp")
    box.press("Enter")
    e.page.get_by_role("region", name="Chosen place").get_by_test_id("value").wait_for()
    e.settle()
    assert "at=-33.45%2C-70.6" in e.hash
    heading = e.page.get_by_role("region", name="Chosen place").get_by_role("heading").first
    heading.filter(has_text=", Chile").wait_for()  # not CL
    assert e.page.evaluate("document.activeElement.ariaLabel") == "Find a place"
