"""What the page says when something goes wrong, and that it comes back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.web.explorer import Explorer

Open = Callable[..., Explorer]
FROGS = "#q=frogs&m=7&h=22"


def problem(route: Any, status: int, detail: str, **headers: str) -> None:
    route.fulfill(
        status=status,
        headers={"Content-Type": "application/problem+json", **headers},
        body=json.dumps({"type": "about:blank", "status": status, "detail": detail}),
    )


def test_a_server_that_went_away_is_told_and_found_again(explorer: Open) -> None:
    e = explorer(FROGS)
    e.settle()
    e.page.route("**/api/v1/**", lambda route: route.abort())
    box = e.page.get_by_role("combobox", name="What to listen for")
    box.fill("thunder")
    box.press("Enter")
    notice = e.page.get_by_role("alert").filter(has_text="The server does not answer")
    notice.wait_for()
    e.page.unroute_all()
    notice.wait_for(state="detached")  # it tries again by itself
    e.settle()
    assert e.page.get_by_role("region", name="Best places").get_by_role("listitem").count() >= 3


def test_a_page_opened_without_a_server_starts_when_it_is_there(explorer: Open) -> None:
    e = explorer()
    e.page.route("**/api/v1/**", lambda route: route.abort())
    e.page.reload()
    notice = e.page.get_by_role("alert").filter(has_text="The server does not answer")
    notice.wait_for()
    e.page.unroute_all()
    e.page.get_by_role("button", name="Try again").click()
    notice.wait_for(state="detached")
    e.ask("frogs")
    assert e.page.get_by_role("region", name="Best places").get_by_role("listitem").count() >= 3


def test_a_busy_server_is_waited_for(explorer: Open) -> None:
    e = explorer(FROGS)
    e.settle()
    refused: list[str] = []

    def busy(route: Any) -> None:
        if len(refused) < 2:
            refused.append(route.request.url)
            problem(route, 429, "Too many requests.", **{"Retry-After": "1"})
        else:
            route.continue_()

    e.page.route("**/answer?**", busy)
    e.ask("thunder")
    assert len(refused) == 2
    assert e.page.get_by_role("region", name="Best places").get_by_role("listitem").count() >= 3


def test_a_server_that_stays_busy_is_told_with_the_time_of_the_next_try(explorer: Open) -> None:
    e = explorer(FROGS)
    e.settle()
    e.page.route(
        "**/answer?**",
        lambda route: problem(route, 429, "Too many requests.", **{"Retry-After": "60"}),
    )
    box = e.page.get_by_role("combobox", name="What to listen for")
    box.fill("thunder")
    box.press("Enter")
    notice = e.page.get_by_role("alert").filter(has_text="Too many requests")
    notice.wait_for()
    assert re.search(r"Next try in \d+ s", notice.inner_text())
    e.page.unroute_all()
    notice.get_by_role("button", name="Try again").click()
    notice.wait_for(state="detached")


def test_a_forgotten_recording_is_told(explorer: Open) -> None:
    e = explorer(f"#audio={'0' * 32}~dawn.wav&m=7&h=22")
    notice = e.page.get_by_role("alert").filter(has_text="Drop the recording")
    notice.wait_for()
    notice.get_by_role("button", name="Ask without it").click()
    notice.wait_for(state="detached")
    assert "audio=" not in e.hash


def test_a_question_that_cannot_be_read_is_told(explorer: Open) -> None:
    e = explorer()
    box = e.page.get_by_role("combobox", name="What to listen for")
    box.fill("frogs*0")
    box.press("Enter")
    e.page.get_by_role("alert").filter(has_text="a weight of 0 says nothing").wait_for()
    e.ask("frogs")
    e.page.get_by_role("alert").wait_for(state="detached")


def test_a_file_that_is_no_recording_is_refused_in_words(explorer: Open, tmp_path: Path) -> None:
    e = explorer(FROGS)
    path = tmp_path / "letter.wav"
    path.write_text("not a recording at all " * 20)
    e.page.get_by_label("File with a recording").set_input_files(path)
    alert = e.page.get_by_role("alert")
    alert.wait_for()
    assert len(alert.inner_text().strip()) > 20
    assert "q=frogs" in e.hash
    alert.get_by_role("button", name="Dismiss").click()
    alert.wait_for(state="detached")


def test_a_key_is_asked_for(explorer: Open) -> None:
    e = explorer()
    seen: list[str | None] = []

    def locked(route: Any) -> None:
        key = route.request.headers.get("x-api-key")
        seen.append(key)
        if key == "secret":
            route.continue_()
        else:
            problem(route, 401, "Give the key of this server.")

    e.page.route("**/api/v1/**", locked)
    e.page.reload()
    e.page.get_by_label("Key of the server").fill("secret")
    e.page.get_by_role("button", name="Use it").click()
    e.page.get_by_role("alert").wait_for(state="detached")
    e.ask("frogs")
    assert seen[-1] == "secret"
    assert "secret" not in e.page.url
