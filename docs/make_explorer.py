"""The screenshots of the explorer in docs/, taken of a running `psm serve`.

    psm serve --model runs/small &
    python docs/make_explorer.py [http://127.0.0.1:8000/]

Needs Chromium (apt-get install -y chromium) and Playwright (psm-maps[dev]).
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

DOCS = Path(__file__).parent
FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
SETTLED = """() => document.querySelector('.progress')?.dataset.busy === 'no'
  && [...document.querySelectorAll('.map')].every((map) => map.dataset.settled === 'yes')"""
DESK, PHONE = (1440, 900), (390, 844)
SHOTS = {
    "explorer.webp": ("#q=crickets+chirping&m=7&h=22&at=14.2,0.9", DESK, "dark"),
    "explorer-compare.webp": (
        "#q=frogs+croaking&m=7&h=22&b.q=frogs+croaking&b.m=7&b.h=10&swipe=0.58",
        DESK,
        "light",
    ),
    "explorer-phone.webp": ("#q=crickets+chirping&m=7&h=22&at=14.2,0.9", PHONE, "light"),
}


def shoot(browser: Browser, url: str, name: str) -> None:
    """Take one screenshot."""
    hash_, (width, height), scheme = SHOTS[name]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=2 if width < 500 else 1,
        color_scheme=scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(url + hash_)
    page.wait_for_timeout(3000)
    page.wait_for_function(SETTLED, timeout=300_000)
    page.wait_for_timeout(2500)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.save(DOCS / name, quality=90, method=6)
    print(f"{name}: {(DOCS / name).stat().st_size / 1000:.0f} kB")
    context.close()


def main() -> None:
    """Take all of them."""
    url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000/"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for name in SHOTS:
            shoot(browser, url, name)
        browser.close()


if __name__ == "__main__":
    main()
