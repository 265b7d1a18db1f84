"""The screenshots of the explorer in docs/, taken of `psm serve`.

    python docs/make_explorer.py runs/small/model           serves it as long as that takes
    python docs/make_explorer.py http://127.0.0.1:8000/     of a server that runs

Needs Chromium (apt-get install -y chromium) and Playwright (psm-maps[dev]).
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
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


@contextmanager
def served(model: str) -> Iterator[str]:
    """The address of a server of ``model``, which is stopped at the end."""
    port = 8765
    with subprocess.Popen(["psm", "serve", "--model", model, "--port", str(port)]) as server:
        try:
            url = f"http://127.0.0.1:{port}/"
            for _ in range(600):
                time.sleep(0.5)
                if server.poll() is not None:
                    raise SystemExit(f"psm serve --model {model}: ended by itself")
                with suppress(OSError):
                    urllib.request.urlopen(url, timeout=5).close()
                    break
            yield url
        finally:
            server.terminate()


def main() -> None:
    """Take all of them."""
    asked = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000/"
    with ExitStack() as stack:
        url = asked if asked.startswith("http") else stack.enter_context(served(asked))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for name in SHOTS:
            shoot(browser, url, name)
        browser.close()


if __name__ == "__main__":
    main()
